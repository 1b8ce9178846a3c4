//! Any commands at all, each through two markets: one that lives on, and one that is written and read back before each
//! command. They say the same; market data, order by order, makes the same book; between commands an open market is
//! not crossed; no order fills more than it was sent for; one that is to fill whole, or so much at least, does or fills
//! nothing; a reduce-only order never adds to a position.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use tiderace_matching::Event;
use tiderace_matching::market::{
    BandRule, BookChange, Change, CircuitBreaker, Fill, Host, Market, MarketConfig, NewOrder, Owner, PriceBand,
};
use tiderace_types::{
    OrdType, PegTo, PostOnly, Price, Qty, Reason, SelfTradePrevention, Side, TimeInForce, TradingState, Trigger, Ts,
};

use super::{percent, qty};

/// Rounds of settling of one command: more would be a market that never comes to rest.
const ROUNDS_MAX: usize = 2_000;

#[derive(Clone, Debug)]
pub(super) enum Step {
    Enter(NewOrder),
    Replace(u64, Change),
    Cancel(u64),
    Mark(Price),
    Index(Price),
    State(TradingState),
    Wait(i64),
}

/// Positions, and the book as market data tells it: side, price, shown, when it came.
#[derive(Clone, Default)]
pub(super) struct Listener {
    positions: BTreeMap<u32, i64>,
    reducing: BTreeMap<u64, (u32, Side)>,
    sent: BTreeMap<u64, i64>,
    filled: BTreeMap<u64, i64>,
    book: BTreeMap<u64, (Side, Price, Qty, usize)>,
    changes: usize,
}

impl Listener {
    /// An order goes out.
    pub(super) fn send(&mut self, order: &NewOrder) {
        self.sent.insert(order.order_id, order.order_qty.get());
        if order.reduce_only {
            self.reducing.insert(order.order_id, (order.owner.account, order.side));
        }
    }

    /// A change goes out.
    pub(super) fn resend(&mut self, order_id: u64, change: &Change) {
        if let Some(lots) = change.order_qty {
            let sent = self.sent.entry(order_id).or_default();
            *sent = lots.get().max(*sent);
        }
    }

    fn room(&self, account: u32, side: Side) -> i64 {
        let position = self.positions.get(&account).copied().unwrap_or(0);
        (-position * side.sign()).max(0)
    }
}

impl Host for Listener {
    fn cap(&mut self, _: u64, owner: Owner, side: Side, lots: Qty) -> Qty {
        lots.min(qty(self.room(owner.account, side)))
    }

    fn filled(&mut self, fill: &Fill, gone: &mut Vec<(u64, Reason)>) {
        let is_auction = fill.kind == tiderace_types::TradeKind::Auction;
        let taker_side = if is_auction { Side::Sell } else { fill.aggressor };
        let lots = fill.qty.get();
        for (order_id, account, side) in
            [(fill.maker, fill.maker_account, taker_side.opposite()), (fill.taker, fill.taker_account, taker_side)]
        {
            let is_own = fill.maker_account == fill.taker_account;
            assert!(is_own || !self.reducing.contains_key(&order_id) || self.room(account, side) >= lots, "{fill:?}");
            *self.filled.entry(order_id).or_default() += lots;
            assert!(self.filled[&order_id] <= self.sent[&order_id], "{fill:?}");
        }
        for (account, side) in [(fill.maker_account, taker_side.opposite()), (fill.taker_account, taker_side)] {
            *self.positions.entry(account).or_default() += lots * side.sign();
        }
        for (&order_id, &(account, side)) in &self.reducing {
            if self.room(account, side) == 0 {
                gone.push((order_id, Reason::NotReducing));
            }
        }
    }

    fn book_changed(&mut self, change: &BookChange) {
        self.changes += 1;
        match *change {
            BookChange::Add { order_id, side, price, visible_qty } => {
                assert!(self.book.insert(order_id, (side, price, visible_qty, self.changes)).is_none());
            }
            BookChange::Set { order_id, visible_qty } => self.book.get_mut(&order_id).unwrap().2 = visible_qty,
            BookChange::Remove { order_id } => assert!(self.book.remove(&order_id).is_some()),
        }
    }
}

fn carry_out(market: &mut Market, ts: &mut Ts, step: &Step, host: &mut Listener) -> Vec<Event> {
    let mut events = Vec::new();
    match *step {
        Step::Enter(order) => market.enter(*ts, &order, host, &mut events),
        Step::Replace(order_id, ref change) => market.replace(*ts, order_id, change, host, &mut events),
        Step::Cancel(order_id) => {
            market.cancel(order_id, Reason::CanceledByUser, host, &mut events);
        }
        Step::Mark(price) => market.set_mark(*ts, price),
        Step::Index(price) => market.set_index(*ts, price),
        Step::State(state) => market.set_state(*ts, state, Reason::None, host, &mut events),
        Step::Wait(ns) => {
            *ts = ts.plus_ns(ns);
            while market.next_timer().is_some_and(|due| due <= *ts) {
                market.on_timer(*ts, host, &mut events);
                settle(market, *ts, host, &mut events);
            }
        }
    }
    settle(market, *ts, host, &mut events);
    events
}

pub(super) fn settle(market: &mut Market, ts: Ts, host: &mut Listener, events: &mut Vec<Event>) {
    for _ in 0..ROUNDS_MAX {
        if !market.settle_pegs(ts, host, events) && !market.settle_stops(ts, host, events) {
            return;
        }
    }
    panic!("it never comes to rest");
}

fn bytes(market: &Market) -> Vec<u8> {
    let mut out = Vec::new();
    market.encode(&mut out);
    out
}

fn check(market: &Market, host: &Listener) {
    for side in [Side::Buy, Side::Sell] {
        let book = market.book();
        let orders = book.levels(side).flat_map(|level| book.orders(side, level.price));
        let line: Vec<_> = orders.map(|order| (order.order_id, order.visible_qty)).collect();
        let told = host.book.iter().filter(|(_, told)| told.0 == side);
        let mut told: Vec<_> = told.map(|(&id, t)| (-side.sign() * t.1.get(), t.3, id, t.2)).collect();
        told.sort_unstable();
        assert_eq!(line, told.iter().map(|told| (told.2, told.3)).collect::<Vec<_>>());
    }
    if matches!(market.state(), TradingState::Continuous | TradingState::PostOnly) {
        assert_eq!(market.indication(), None);
    }
}

fn orders() -> impl Strategy<Value = NewOrder> {
    let or_none = |lots: std::ops::Range<i64>| prop_oneof![3 => Just(0), 1 => lots].prop_map(qty);
    let kinds = (
        prop_oneof![3 => Just(OrdType::Limit), 2 => select(OrdType::ALL)],
        prop_oneof![2 => Just(TimeInForce::Gtc), 1 => select(TimeInForce::ALL)],
        prop_oneof![4 => Just(PostOnly::Off), 1 => select(PostOnly::ALL)],
        prop::bool::weighted(0.2),
        prop_oneof![2 => Just(SelfTradePrevention::None), 1 => select(SelfTradePrevention::ALL)],
        select(Trigger::ALL),
        select(PegTo::ALL),
    );
    let numbers = (1i64..9, 90i64..110, 90i64..110, 1i64..6, -4i64..5, 1i64..60, or_none(1..4), or_none(1..6));
    (0u32..4, select(Side::ALL), kinds, numbers).prop_map(|(account, side, kinds, numbers)| {
        let (ord_type, time_in_force, post_only, reduce_only, self_trade_prevention, trigger, peg_to) = kinds;
        let (lots, price, stop, trail, offset, expire, display_qty, min_qty) = numbers;
        let (is_trailing, is_stop) = (ord_type == OrdType::TrailingStop, ord_type.is_triggered());
        let zero_unless = |is_meant, ticks| Price::new(if is_meant { ticks } else { 0 });
        NewOrder {
            owner: Owner { account, group: if account < 2 { 1_000 } else { account } },
            ord_type,
            time_in_force,
            post_only,
            reduce_only,
            self_trade_prevention,
            trigger,
            peg_to,
            stop_px: zero_unless(is_stop && !is_trailing, stop),
            trailing_offset: zero_unless(is_trailing, trail),
            peg_offset: Price::new(offset),
            expire_time: Ts::new(expire),
            display_qty,
            min_qty,
            ..NewOrder::limit(0, account, side, Price::new(price), qty(lots))
        }
    })
}

fn changes() -> impl Strategy<Value = Change> {
    let price = || prop::option::of((90i64..110).prop_map(Price::new));
    let time = prop::option::weighted(0.2, select(TimeInForce::ALL));
    let expire = prop::option::weighted(0.2, (1i64..90).prop_map(Ts::new));
    let display = prop::option::weighted(0.2, (0i64..4).prop_map(qty));
    (
        price(),
        prop::option::of((0i64..12).prop_map(qty)),
        prop::option::weighted(0.3, 90i64..110),
        display,
        time,
        expire,
    )
        .prop_map(|(price, order_qty, stop, display_qty, time_in_force, expire_time)| {
            let stop_px = stop.map(Price::new);
            Change { price, order_qty, stop_px, display_qty, time_in_force, expire_time }
        })
}

pub(super) fn steps() -> impl Strategy<Value = Step> {
    let price = || (90i64..110).prop_map(Price::new);
    prop_oneof![
        20 => orders().prop_map(Step::Enter),
        5 => (0u64..60, changes()).prop_map(|(order_id, change)| Step::Replace(order_id, change)),
        3 => (0u64..60).prop_map(Step::Cancel),
        2 => price().prop_map(Step::Mark),
        1 => price().prop_map(Step::Index),
        1 => select(TradingState::ALL).prop_map(Step::State),
        1 => Just(Step::State(TradingState::Continuous)),
        2 => (1i64..20).prop_map(Step::Wait),
    ]
}

pub(super) fn configs() -> impl Strategy<Value = MarketConfig> {
    let rule = select(vec![BandRule::Reject, BandRule::Clamp]);
    let band = rule.prop_map(|market| PriceBand { static_: Some(percent(8)), dynamic: Some(percent(6)), market });
    let breaker =
        CircuitBreaker { move_: percent(4), window_ns: 20, auction_ns: 9, extension_ns: 5, max_extensions: 2 };
    (prop::option::weighted(0.3, band), prop::option::weighted(0.3, Just(breaker)))
        .prop_map(|(band, breaker)| MarketConfig { band, breaker, ..MarketConfig::default() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("TIDERACE_FULL").is_some() { 50_000 } else { 1_500 }))]

    #[test]
    fn any_commands_leave_a_market_that_holds_and_can_be_written_and_read(
        config in configs(), steps in prop::collection::vec(steps(), 1..70),
    ) {
        let mut market = Market::new(config, 0, 7);
        let (mut ts, mut host) = (Ts::ZERO, Listener::default());
        for (at, mut step) in steps.into_iter().enumerate() {
            if let Step::Enter(order) = &mut step {
                order.order_id = at as u64;
                host.send(order);
            }
            if let Step::Replace(order_id, change) = &step {
                host.resend(*order_id, change);
            }
            let before = bytes(&market);
            let mut again = Market::decode(&before).unwrap();
            prop_assert_eq!(&bytes(&again), &before);
            let (mut ts_again, mut host_again) = (ts, host.clone());
            let events = carry_out(&mut market, &mut ts, &step, &mut host);
            prop_assert_eq!(&events, &carry_out(&mut again, &mut ts_again, &step, &mut host_again), "{:?}", step);
            prop_assert_eq!(bytes(&market), bytes(&again));
            check(&market, &host);
            if let Step::Enter(order) = &step
                && matches!(order.time_in_force, TimeInForce::Fok | TimeInForce::Ioc)
            {
                let filled = host.filled.get(&order.order_id).copied().unwrap_or(0);
                let is_fok = order.time_in_force == TimeInForce::Fok;
                let least = if is_fok { order.order_qty.get() } else { order.min_qty.get() };
                prop_assert!(filled == 0 || filled >= least, "{:?} {}", order, filled);
            }
        }
    }

    #[test]
    fn bytes_that_no_market_wrote_are_an_error_and_no_panic(at in 0usize..400, byte: u8, cut in 0usize..400) {
        let mut market = Market::new(MarketConfig::default(), 0, 7);
        for id in 1..6 {
            market.enter(Ts::ZERO, &super::buy(id, 10, 5), &mut (), &mut Vec::new());
        }
        let mut wrong = bytes(&market);
        let len = wrong.len();
        if let Some(place) = wrong.get_mut(at) {
            *place = byte;
        }
        let _ = Market::decode(&wrong);
        prop_assert!(cut >= len || Market::decode(&wrong[..cut]).is_err());
    }
}
