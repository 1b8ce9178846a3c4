//! Any commands in any order: the venue panics on none, keeps its sums, and a twin read back from its bytes in the
//! middle goes on alike. A failure prints its seed.

mod venue_world;

use tiderace_engine::venue::Venue;
use tiderace_types::venue::{
    AdjustTrade, BustTrade, Cancel, CancelAll, Command, ConnectionSet, Event, KillSet, MarkSet, MassQuote, MmpReset,
    NewOrder, QuoteEntry, Replace, StateSet,
};
use tiderace_types::{
    AccountId, ClOrdId, ExecId, InstrumentId, KillScope, OrdType, PegTo, PostOnly, Price, SelfTradePrevention, Side,
    TimeInForce, TradingState, Trigger, Ts,
};
use venue_world::{ALICE, BTC, USDC, config, order, qty};

struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
    fn small(&mut self, n: i64) -> i64 {
        i64::try_from(self.below(u64::try_from(n).unwrap())).unwrap()
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(u64::try_from(all.len()).unwrap())).unwrap()]
    }
    fn account(&mut self) -> AccountId {
        AccountId(u32::try_from(self.below(3)).unwrap())
    }
    fn instrument(&mut self) -> InstrumentId {
        InstrumentId(u16::try_from(self.below(4)).unwrap())
    }
    fn old(&mut self, id: u64) -> ClOrdId {
        ClOrdId(id.saturating_sub(self.below(60)))
    }

    fn new_order(&mut self, id: u64, now: Ts) -> NewOrder {
        let side = self.of(Side::ALL);
        let plain = order(self.account(), id, side, 95 + self.small(11), 1 + self.small(9));
        let mut order = NewOrder { instrument: self.instrument(), ..plain };
        if self.one_in(3) {
            order.ord_type = self.of(OrdType::ALL);
            match order.ord_type {
                OrdType::TrailingStop => order.trailing_offset = Price::new(1 + self.small(4)),
                OrdType::Market | OrdType::Limit | OrdType::Pegged => {}
                OrdType::Stop | OrdType::StopLimit | OrdType::TakeProfit | OrdType::TakeProfitLimit => {
                    order.stop_px = Price::new(95 + self.small(11));
                }
            }
            order.trigger = self.of(Trigger::ALL);
            order.peg_to = self.of(PegTo::ALL);
            order.peg_offset = Price::new(self.small(5) - 2);
        }
        if self.one_in(3) {
            order.time_in_force = self.of(TimeInForce::ALL);
            order.expire_time = now.plus_ns(self.small(500));
        }
        if self.one_in(4) {
            order.self_trade_prevention = self.of(SelfTradePrevention::ALL);
        }
        if self.one_in(6) {
            order.display_qty = qty(1 + self.small(3));
        }
        if self.one_in(8) {
            order.post_only = self.of(PostOnly::ALL);
        }
        if self.one_in(8) {
            order.min_qty = qty(self.small(4));
        }
        order.reduce_only = self.one_in(6);
        if self.one_in(6) {
            order.oco = self.old(id);
        }
        if self.one_in(6) {
            order.oto = self.old(id);
        }
        if self.one_in(5) {
            order.mmp_group = 0;
        }
        order
    }

    fn replace(&mut self, id: u64, now: Ts) -> Replace {
        Replace {
            account: self.account(),
            orig_cl_ord_id: self.old(id),
            cl_ord_id: ClOrdId(id),
            fields: u8::try_from(self.below(64)).unwrap(),
            price: Price::new(95 + self.small(11)),
            order_qty: qty(self.small(9)),
            stop_px: Price::new(95 + self.small(11)),
            display_qty: qty(self.small(4)),
            time_in_force: self.of(TimeInForce::ALL),
            expire_time: now.plus_ns(self.small(500)),
        }
    }

    fn command(&mut self, id: u64, now: Ts) -> Command {
        let account = self.account();
        match self.below(100) {
            0..60 => self.new_order(id, now).into(),
            60..72 => self.replace(id, now).into(),
            72..82 => Cancel { account, orig_cl_ord_id: self.old(id) }.into(),
            82..86 => {
                let mut entry = || QuoteEntry {
                    instrument: self.instrument(),
                    bid_px: Price::new(95 + self.small(6)),
                    bid_qty: qty(self.small(5)),
                    ask_px: Price::new(100 + self.small(6)),
                    ask_qty: qty(self.small(5)),
                };
                let entries = vec![entry(), entry()];
                MassQuote { account, quote_id: ClOrdId(id), mmp_group: 0, entries }.into()
            }
            86..90 => StateSet { instrument: self.instrument(), state: self.of(TradingState::ALL) }.into(),
            90..93 => StateSet { instrument: self.instrument(), state: TradingState::Continuous }.into(),
            93 => MarkSet { instrument: self.instrument(), price: Price::new(95 + self.small(11)) }.into(),
            94 => MmpReset { account, mmp_group: 0 }.into(),
            95 => CancelAll { account, instrument: self.instrument(), side: 0, kind: 0 }.into(),
            96 => {
                let (is_on, reduce_only) = (self.one_in(3), self.one_in(2));
                KillSet { scope: KillScope::Account, id: account.0, is_on, reduce_only }.into()
            }
            97 => ConnectionSet { account, is_up: false }.into(),
            98 => BustTrade { trade_id: ExecId(self.below(id)), operator: 1 }.into(),
            _ => {
                let price = Price::new(95 + self.small(11));
                AdjustTrade { trade_id: ExecId(self.below(id)), price, operator: 1 }.into()
            }
        }
    }
}

fn checked(venue: &Venue, start: [i128; 2]) {
    let accounts = [0, 1, 2].map(AccountId);
    let sum = |asset| accounts.iter().map(|account| venue.balance(*account, asset).total.get()).sum::<i128>();
    assert_eq!([USDC, BTC].map(|asset| sum(asset) + venue.house(asset).get()), start);
    for at in [0, 1, 2, 3].map(InstrumentId) {
        assert_eq!(accounts.iter().map(|account| venue.position(*account, at).qty).sum::<i64>(), 0);
    }
}

/// Runs so many commands; gives how many trades they made.
fn run(seed: u64, commands: u64) -> usize {
    let mut draw = Draw(seed);
    let mut venue = Venue::new(config()).unwrap();
    let start = [USDC, BTC].map(|asset| venue.balance(ALICE, asset).total.get() * 3);
    let mut twin: Option<Venue> = None;
    let (mut events, mut of_twin, mut trades) = (Vec::new(), Vec::new(), 0);
    for id in 1..=commands {
        let ts = venue.now().plus_ns(draw.small(20));
        let command = draw.command(id, ts);
        events.clear();
        venue.apply(ts, &command, &mut events);
        trades += events.iter().filter(|event| matches!(event, Event::Trade(_))).count();
        if let Some(twin) = &mut twin {
            of_twin.clear();
            twin.apply(ts, &command, &mut of_twin);
            assert_eq!(of_twin, events, "seed {seed}, command {id}: {command:?}");
        }
        if id % 500 == 0 {
            checked(&venue, start);
            let mut bytes = Vec::new();
            venue.encode(&mut bytes);
            if let Some(twin) = &twin {
                assert_eq!(twin.digest(), venue.digest(), "seed {seed}, command {id}");
            }
            twin = Some(Venue::decode(venue.config().clone(), &bytes).unwrap());
        }
    }
    // What the venue lists and no market knows could not be canceled.
    let kill = KillSet { scope: KillScope::All, id: 0, is_on: true, reduce_only: false };
    venue.apply(venue.now(), &kill.into(), &mut events);
    assert!([0, 1, 2].map(AccountId).iter().all(|account| venue.open_orders(*account) == 0), "seed {seed}");
    for at in [0, 1, 2, 3].map(InstrumentId) {
        let book = venue.market(at).unwrap().book();
        assert!(Side::ALL.iter().all(|side| book.levels(*side).next().is_none()), "seed {seed}");
    }
    trades
}

#[test]
fn any_commands_keep_the_sums_and_a_twin_goes_on_alike() {
    let (seeds, commands) = if std::env::var_os("TIDERACE_FULL").is_some() { (200, 20_000) } else { (8, 5_000) };
    let trades: usize = (1..=seeds).map(|seed| run(seed * 0x9E37_79B9, commands)).sum();
    println!("{} commands, {trades} trades", seeds * commands);
    assert!(trades > 1_000);
}
