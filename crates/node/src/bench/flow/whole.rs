//! The flow as commands of a whole market in which every order type lives.
//!
//! What rests in the plain flow comes here as something else too: of each hundred orders that would rest, one each is a
//! stop, stop-limit, take-profit, take-profit-limit and trailing stop (on the last trade, the mark or the index); one in
//! five hundred is a peg, near the touch; five are good till a date, two reduce-only, ten icebergs, five post-only. What
//! trades at once is immediate, fill-or-kill, of a minimum, or a market order. Half of all prevent self-trades. With
//! 10,000 working orders that is about 500 stops, of them 100 trailing, and 10 pegs. A band stands around mark and last
//! trade, and a circuit breaker that the flash crash sets off. Mark and index move every sixteen commands.

use std::collections::BTreeMap;

use tiderace_matching::market::{
    BandRule, Change, CircuitBreaker, Fill, Host, Market, MarketConfig, NewOrder, Owner, Place, PriceBand,
};
use tiderace_matching::{Command, Event};
use tiderace_types::{Fraction, OrdType, PegTo, PostOnly, Price, Qty, Reason, Side, TimeInForce, Trigger, Ts};

use super::{ACCOUNTS, Flow, RESTING, Regime};

/// How long a run takes on the market's clock, so that windows and dates mean the same for any number of commands.
const RUN_NS: i64 = 2_000_000_000_000;
/// Commands between two moves of mark and index.
const MARK_EVERY: usize = 16;

/// One command, or a price from outside.
pub(crate) enum Step {
    /// A new order.
    Enter(NewOrder),
    /// Another price and total.
    Replace(u64, Change),
    /// Away with an order.
    Cancel(u64),
    /// Mark and index are there now.
    Mark(Price),
}

/// A market, its clock, and the positions that reduce-only orders are held to.
pub(crate) struct Runner {
    market: Market,
    positions: Positions,
    now: Ts,
    step_ns: i64,
}

/// Signed lots by account.
struct Positions(Vec<i64>);

impl Positions {
    fn add(&mut self, account: u32, lots: i64) {
        if let Some(position) = usize::try_from(account).ok().and_then(|at| self.0.get_mut(at)) {
            *position = position.saturating_add(lots);
        }
    }
}

impl Host for Positions {
    fn cap(&mut self, _: u64, owner: Owner, side: Side, qty: Qty) -> Qty {
        let at = usize::try_from(owner.account).ok();
        let position = at.and_then(|at| self.0.get(at)).copied().unwrap_or(0);
        let room = position.saturating_mul(side.opposite().sign()).max(0);
        qty.min(Qty::new(room).unwrap_or(Qty::ZERO))
    }

    fn filled(&mut self, fill: &Fill, _: &mut Vec<(u64, Reason)>) {
        let is_auction = fill.kind == tiderace_types::TradeKind::Auction;
        let side = if is_auction { Side::Sell } else { fill.aggressor };
        let lots = fill.qty.get().saturating_mul(side.sign());
        self.add(fill.taker_account, lots);
        self.add(fill.maker_account, lots.saturating_neg());
    }
}

impl Runner {
    /// For `len` commands.
    pub(crate) fn new(len: usize) -> Self {
        let percent = |of: i64| Some(Fraction::new(of.saturating_mul(10_000_000)));
        let second = 1_000_000_000;
        let breaker = CircuitBreaker {
            move_: percent(10).unwrap_or(Fraction::ONE),
            window_ns: 10 * second,
            auction_ns: 2 * second,
            extension_ns: second,
            max_extensions: 1,
        };
        let band = PriceBand { static_: percent(10), dynamic: percent(5), market: BandRule::Clamp };
        let config =
            MarketConfig { allows_negative: true, band: Some(band), breaker: Some(breaker), ..MarketConfig::default() };
        let len = i64::try_from(len).unwrap_or(i64::MAX).max(1);
        Self {
            market: Market::new(config, 4 * RESTING, 1),
            positions: Positions(vec![0; usize::try_from(ACCOUNTS).unwrap_or(0)]),
            now: Ts::ZERO,
            step_ns: RUN_NS.checked_div(len).unwrap_or(1).max(1),
        }
    }

    /// Does what is due, carries out, and settles until all is quiet: what a venue does with a command.
    #[inline]
    pub(crate) fn apply(&mut self, step: &Step, events: &mut Vec<Event>) {
        let Self { market, positions, now, step_ns } = self;
        *now = now.plus_ns(*step_ns);
        while market.next_timer().is_some_and(|due| due <= *now) {
            market.on_timer(*now, positions, events);
            settle(market, *now, positions, events);
        }
        match step {
            Step::Enter(order) => market.enter(*now, order, positions, events),
            Step::Replace(order_id, change) => market.replace(*now, *order_id, change, positions, events),
            Step::Cancel(order_id) => {
                market.cancel(*order_id, Reason::CanceledByUser, positions, events);
            }
            Step::Mark(price) => {
                market.set_mark(*now, *price);
                market.set_index(*now, *price);
            }
        }
        settle(market, *now, positions, events);
    }
}

fn settle(market: &mut Market, now: Ts, positions: &mut Positions, events: &mut Vec<Event>) {
    while market.settle_pegs(now, positions, events) || market.settle_stops(now, positions, events) {}
}

/// `len` commands, and the moves of mark and index between them.
pub(crate) fn steps(regime: Regime, len: usize, seed: u64) -> Vec<Step> {
    let mut maker = Maker {
        flow: super::flow(regime, true, len, seed),
        runner: Runner::new(len),
        ids: BTreeMap::new(),
        sent: vec![(0, OrdType::Limit)],
        state: seed | 1,
    };
    let mut events = Vec::new();
    let mut steps = Vec::with_capacity(len.saturating_add(len / MARK_EVERY));
    for at in 0..len {
        if at % MARK_EVERY == 0 {
            let mark = Step::Mark(maker.flow.mid());
            maker.runner.apply(&mark, &mut events);
            maker.hear(&mut events, None);
            steps.push(mark);
        }
        let bare = maker.flow.next();
        let step = maker.dress(&bare);
        maker.runner.apply(&step, &mut events);
        maker.hear(&mut events, Some(&bare));
        steps.push(step);
    }
    steps
}

/// Turns the plain flow into that of a whole market.
struct Maker {
    flow: Flow,
    runner: Runner,
    /// The market's id of an order of the flow; the market's rise.
    ids: BTreeMap<u64, u64>,
    /// By the market's id: that of the flow, and what type it was sent as.
    sent: Vec<(u64, OrdType)>,
    state: u64,
}

impl Maker {
    fn dress(&mut self, bare: &Command) -> Step {
        match *bare {
            Command::New(order) => {
                let order_id = u64::try_from(self.sent.len()).unwrap_or(u64::MAX);
                let new = self.order(order_id, &order);
                self.ids.insert(order.order_id, order_id);
                self.sent.push((order.order_id, new.ord_type));
                Step::Enter(new)
            }
            Command::Cancel { order_id } => Step::Cancel(self.id(order_id)),
            Command::Replace { order_id, price, order_qty } => {
                let order_id = self.id(order_id);
                let order_qty = Some(order_qty);
                let change = Change { order_qty, ..Change::default() };
                let is_limit = self.ord_type(order_id) == OrdType::Limit;
                Step::Replace(order_id, if is_limit { Change { price: Some(price), ..change } } else { change })
            }
        }
    }

    fn order(&mut self, order_id: u64, bare: &tiderace_matching::NewOrder) -> NewOrder {
        let &tiderace_matching::NewOrder { side, price, order_qty, .. } = bare;
        let plain = NewOrder::limit(order_id, bare.owner % ACCOUNTS, side, price, order_qty);
        let order = NewOrder {
            ord_type: bare.ord_type,
            time_in_force: bare.time_in_force,
            post_only: match (bare.post_only, order_qty.get() % 2) {
                (false, _) => PostOnly::Off,
                (true, 0) => PostOnly::Reject,
                (true, _) => PostOnly::Reprice,
            },
            self_trade_prevention: bare.self_trade_prevention,
            display_qty: bare.display_qty.unwrap_or(Qty::ZERO),
            min_qty: bare.min_qty,
            ..plain
        };
        if order.time_in_force != TimeInForce::Gtc || order.ord_type != OrdType::Limit {
            return order;
        }
        let (sign, away) = (side.sign(), self.draw(128).saturating_add(2));
        let trigger = match self.draw(4) {
            0 => Trigger::Mark,
            1 => Trigger::Index,
            _ => Trigger::Last,
        };
        let plain = NewOrder { post_only: PostOnly::Off, trigger, ..order };
        let at = |ticks: i64| Price::new(self.flow.mid().get().saturating_add(ticks));
        let (behind, beyond) = (at(sign.saturating_mul(away)), at(sign.saturating_mul(away.saturating_neg())));
        let limit = |stop_px: Price| Price::new(stop_px.get().saturating_add(sign.saturating_mul(5)));
        let stop = |ord_type, stop_px| NewOrder { ord_type, stop_px, price: limit(stop_px), ..plain };
        match self.draw(1_000) {
            0..10 => stop(OrdType::Stop, behind),
            10..20 => stop(OrdType::StopLimit, behind),
            20..30 => stop(OrdType::TakeProfit, beyond),
            30..40 => stop(OrdType::TakeProfitLimit, beyond),
            40..50 => NewOrder { ord_type: OrdType::TrailingStop, trailing_offset: Price::new(away), ..plain },
            50 => {
                let peg_to = match self.draw(4) {
                    0 => PegTo::Mid,
                    1 => PegTo::Mark,
                    2 => PegTo::Opposite,
                    _ => PegTo::Best,
                };
                let room = if peg_to == PegTo::Best { self.draw(3) } else { self.draw(3).saturating_add(2) };
                let peg_offset = Price::new(sign.saturating_mul(room.saturating_neg()));
                NewOrder { ord_type: OrdType::Pegged, peg_to, peg_offset, ..order }
            }
            51..100 => {
                let steps = self.draw(60_000).saturating_add(1_000);
                let expire_time = self.runner.now.plus_ns(self.runner.step_ns.saturating_mul(steps));
                NewOrder { time_in_force: TimeInForce::Gtd, expire_time, ..order }
            }
            100..120 => NewOrder { reduce_only: true, ..order },
            _ => order,
        }
    }

    /// Tells the flow which of its orders are gone, and where the one that a command named waits.
    fn hear(&mut self, events: &mut Vec<Event>, bare: Option<&Command>) {
        let own = bare.map(|bare| match *bare {
            Command::New(order) => (order.order_id, order.price),
            Command::Cancel { order_id } => (order_id, Price::ZERO),
            Command::Replace { order_id, price, .. } => (order_id, price),
        });
        for event in events.drain(..) {
            let ids = match event {
                Event::Trade { maker, taker, .. } => [maker, taker],
                Event::Canceled { order_id, .. } | Event::Expired { order_id, .. } => [order_id; 2],
                Event::Accepted { .. }
                | Event::Replaced { .. }
                | Event::Restated { .. }
                | Event::Suspended { .. }
                | Event::Triggered { .. }
                | Event::Rejected { .. }
                | Event::StateChanged { .. }
                | Event::Indication { .. } => continue,
            };
            for order_id in ids {
                let of_flow = usize::try_from(order_id).ok().and_then(|at| self.sent.get(at)).map(|sent| sent.0);
                let is_gone = self.runner.market.order(order_id).is_none();
                let is_other = |&id: &u64| self.id(id) == order_id && own.is_none_or(|own| own.0 != id);
                if let Some(of_flow) = of_flow.filter(|id| is_gone && is_other(id)) {
                    self.flow.end(of_flow);
                }
            }
        }
        let (Some(bare), Some((of_flow, nominal))) = (bare, own) else { return };
        let order_id = self.id(of_flow);
        let is_plain = self.ord_type(order_id) == OrdType::Limit;
        let view = self.runner.market.order(order_id);
        let price = |view: tiderace_matching::market::OrderView| {
            if is_plain && view.place == Place::Book { view.price } else { nominal }
        };
        self.flow.stands(bare, view.map(price));
    }

    fn id(&self, of_flow: u64) -> u64 {
        self.ids.get(&of_flow).copied().unwrap_or(0)
    }

    fn ord_type(&self, order_id: u64) -> OrdType {
        let at = usize::try_from(order_id).ok();
        at.and_then(|at| self.sent.get(at)).map_or(OrdType::Limit, |sent| sent.1)
    }

    /// Xorshift, below `below`.
    fn draw(&mut self, below: u64) -> i64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        i64::try_from((self.state >> 33).checked_rem(below).unwrap_or(0)).unwrap_or(0)
    }
}
