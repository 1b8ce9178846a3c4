//! A whole market: what single claims say of it, what holds after any commands at all, and a slow market beside it. The
//! stories that traders would read are the scenario files, which run through the venue.

mod against;
mod any;
mod slow;
mod states;
mod waiting;

use tiderace_matching::Event;
use tiderace_matching::market::{Change, Market, MarketConfig, NewOrder};
use tiderace_types::{Fraction, Price, Qty, Reason, Refusal, Side, TradingState, Ts};

const SECOND: i64 = 1_000_000_000;

fn px(ticks: i64) -> Price {
    Price::new(ticks)
}

fn qty(lots: i64) -> Qty {
    Qty::new(lots).unwrap()
}

fn at(seconds: i64) -> Ts {
    Ts::new(seconds * SECOND)
}

fn percent(of: i64) -> Fraction {
    Fraction::new(of * 10_000_000)
}

/// A buy of account 1.
fn buy(id: u64, price: i64, lots: i64) -> NewOrder {
    NewOrder::limit(id, 1, Side::Buy, px(price), qty(lots))
}

/// A sell of account 2.
fn sell(id: u64, price: i64, lots: i64) -> NewOrder {
    NewOrder::limit(id, 2, Side::Sell, px(price), qty(lots))
}

fn canceled(order_id: u64, lots: i64, reason: Reason) -> Event {
    Event::Canceled { order_id, qty: qty(lots), reason }
}

/// A market, its clock, and what each command of it led to.
struct Story {
    market: Market,
    now: Ts,
}

impl Story {
    fn of(config: MarketConfig) -> Self {
        Self { market: Market::new(config, 0, 7), now: Ts::ZERO }
    }

    fn new() -> Self {
        Self::of(MarketConfig::default())
    }

    fn in_state(state: TradingState) -> Self {
        Self::of(MarketConfig { state, ..MarketConfig::default() })
    }

    /// Carries out, then settles until all is quiet.
    fn then(&mut self, carry_out: impl FnOnce(&mut Market, Ts, &mut Vec<Event>)) -> Vec<Event> {
        let mut events = Vec::new();
        carry_out(&mut self.market, self.now, &mut events);
        while self.market.settle_pegs(self.now, &mut (), &mut events)
            || self.market.settle_stops(self.now, &mut (), &mut events)
        {}
        events
    }

    fn enter(&mut self, order: NewOrder) -> Vec<Event> {
        self.then(|market, now, events| market.enter(now, &order, &mut (), events))
    }

    fn replace(&mut self, order_id: u64, change: Change) -> Vec<Event> {
        self.then(|market, now, events| market.replace(now, order_id, &change, &mut (), events))
    }

    fn state(&mut self, state: TradingState) -> Vec<Event> {
        self.then(|market, now, events| market.set_state(now, state, Reason::None, &mut (), events))
    }

    fn mark(&mut self, price: i64) -> Vec<Event> {
        self.then(|market, now, _| market.set_mark(now, px(price)))
    }

    /// Lets time pass: what is due on the way happens at its time.
    fn until(&mut self, ts: Ts) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(due) = self.market.next_timer().filter(|&due| due <= ts) {
            self.now = due;
            events.extend(self.then(|market, now, events| market.on_timer(now, &mut (), events)));
        }
        self.now = ts;
        events
    }

    /// The reason of the only event, a refusal.
    fn refused(&mut self, order: NewOrder) -> Reason {
        only_refusal(&self.enter(order)).reason
    }
}

fn only_refusal(events: &[Event]) -> Refusal {
    let [Event::Rejected { refusal, .. }] = events[..] else { panic!("{events:?} is no refusal") };
    refusal
}

/// Each trade: price, quantity.
fn trades(events: &[Event]) -> Vec<(i64, i64)> {
    let trade = |event: &Event| match *event {
        Event::Trade { price, qty, .. } => Some((price.get(), qty.get())),
        _ => None,
    };
    events.iter().filter_map(trade).collect()
}
