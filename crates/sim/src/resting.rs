//! Our resting orders of one side of one market, and where each stands in its queue.
//!
//! Trades. A trade at our price takes from the front: first those ahead of us, what is left of it fills us, in time
//! order and each lot once. A trade beyond our price would have met us first, so it fills us up to its quantity.
//!
//! A trade and the decrease of the displayed quantity that it causes are two messages about one thing. Trades are
//! summed by price until the next depth message of that price: only the decrease beyond that sum is a cancel, and goes
//! through the queue model. Where the depth message came first (the trade's venue time is no later than it), each order
//! remembers by how much that message moved it forward, and the trade moves it by the rest only.
//!
//! The displayed quantity counts others only: a feed knows nothing of our simulated orders.

use std::collections::BTreeMap;

use tiderace_types::{Instrument, Price, Qty, Side, Ts};

use crate::depth::{feed_qty, key_of};
use crate::queue::QueueModel;

/// One order in its queue.
#[derive(Clone, Copy, Debug)]
struct Resting {
    row: u32,
    leaves: Qty,
    /// Others' quantity before us; where it is unknown, no trade at our price fills us.
    ahead_e8: Option<i64>,
    /// How much the last depth message moved us, for a trade that comes after it.
    moved_e8: i64,
}

/// Our orders at one price.
#[derive(Debug)]
struct Queue {
    /// Displayed by the feed's last word; `None` where unknown.
    shown_e8: Option<i64>,
    /// Traded since that word.
    traded_e8: i64,
    /// Venue time of that word.
    ts_depth: Ts,
    /// By arrival.
    orders: BTreeMap<u64, Resting>,
}

/// A fill of a resting order: its row, its lots.
pub(crate) type MakerFill = (u32, Qty);

/// Our resting orders of one side, best price first.
#[derive(Debug)]
pub(crate) struct RestingSide {
    side: Side,
    queues: BTreeMap<i64, Queue>,
}

impl RestingSide {
    pub(crate) const fn new(side: Side) -> Self {
        Self { side, queues: BTreeMap::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Puts an order at the back of what is displayed at its price (`None`: unknown). Where another of ours waits, its
    /// queue has the same word of the feed, and knows what has traded since.
    pub(crate) fn add(&mut self, row: u32, arrival: u64, price: Price, leaves: Qty, shown_e8: Option<i64>) {
        let queue = self.queues.entry(key_of(self.side, price)).or_insert_with(|| Queue {
            shown_e8,
            traded_e8: 0,
            ts_depth: Ts::MIN,
            orders: BTreeMap::new(),
        });
        let ahead_e8 = queue.shown_e8.map(|shown_e8| shown_e8.saturating_sub(queue.traded_e8).max(0));
        queue.orders.insert(arrival, Resting { row, leaves, ahead_e8, moved_e8: 0 });
    }

    /// Takes an order out.
    pub(crate) fn remove(&mut self, arrival: u64, price: Price) {
        let key = key_of(self.side, price);
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.orders.remove(&arrival);
            if queue.orders.is_empty() {
                self.queues.remove(&key);
            }
        }
    }

    /// Makes an order smaller where it stands.
    pub(crate) fn set_leaves(&mut self, arrival: u64, price: Price, leaves: Qty) {
        let queue = self.queues.get_mut(&key_of(self.side, price));
        if let Some(order) = queue.and_then(|q| q.orders.get_mut(&arrival)) {
            order.leaves = leaves;
        }
    }

    /// The feed's word on one price: those ahead of us may have left.
    pub(crate) fn on_level(&mut self, model: QueueModel, price: Price, shown_e8: i64, ts_event: Ts) {
        let Some(queue) = self.queues.get_mut(&key_of(self.side, price)) else { return };
        let shown_e8 = shown_e8.max(0);
        // What stood there before the unexplained part left.
        let rest_e8 = queue.shown_e8.map(|before| before.saturating_sub(queue.traded_e8).max(0));
        for order in queue.orders.values_mut() {
            let before_e8 = order.ahead_e8.unwrap_or(shown_e8);
            let mut ahead_e8 = before_e8;
            if let Some(rest_e8) = rest_e8
                && rest_e8 > shown_e8
            {
                let behind_e8 = rest_e8.saturating_sub(before_e8);
                let decrease_e8 = rest_e8.saturating_sub(shown_e8);
                ahead_e8 = before_e8.saturating_sub(model.decrease_ahead(before_e8, behind_e8, decrease_e8));
            }
            ahead_e8 = ahead_e8.min(shown_e8);
            order.moved_e8 = before_e8.saturating_sub(ahead_e8);
            order.ahead_e8 = Some(ahead_e8);
        }
        queue.shown_e8 = Some(shown_e8);
        queue.traded_e8 = 0;
        queue.ts_depth = ts_event;
    }

    /// The book is in doubt: what is displayed at our prices is unknown until the feed says it again. Our places stay.
    pub(crate) fn forget_shown(&mut self) {
        for queue in self.queues.values_mut() {
            queue.shown_e8 = None;
            queue.traded_e8 = 0;
        }
    }

    /// A snapshot is complete: prices that it reached and did not name display nothing.
    pub(crate) fn on_live(&mut self, model: QueueModel, ts_event: Ts, shown_at: impl Fn(Price) -> Option<i64>) {
        let unknown = self.queues.iter().filter(|(_, queue)| queue.shown_e8.is_none());
        let prices: Vec<Price> = unknown.map(|(key, _)| self.price_of(*key)).collect();
        for price in prices {
            if let Some(shown_e8) = shown_at(price) {
                self.on_level(model, price, shown_e8, ts_event);
            }
        }
    }

    /// A trade of somebody who took from our side. Pushes our fills, and keeps what is left of our orders.
    pub(crate) fn on_trade(
        &mut self,
        instrument: &Instrument,
        price: Price,
        qty_e8: i64,
        ts_event: Ts,
        fills: &mut Vec<MakerFill>,
    ) {
        let at = key_of(self.side, price);
        let mut pool_e8 = qty_e8.max(0);
        for (_, queue) in self.queues.range_mut(..at) {
            pool_e8 = pool_e8.saturating_sub(queue.on_trade_through(instrument, pool_e8, fills));
        }
        // Fills go by priority, so the queues that ran empty are the first ones.
        while let Some(entry) = self.queues.first_entry()
            && entry.get().orders.is_empty()
        {
            entry.remove();
        }
        let Some(queue) = self.queues.get_mut(&at) else { return };
        queue.on_trade_at(instrument, pool_e8, ts_event, fills);
        if queue.orders.is_empty() {
            self.queues.remove(&at);
        }
    }

    /// The first order in priority: its arrival, row and price.
    pub(crate) fn first(&self) -> Option<(u64, u32, Price)> {
        let (&key, queue) = self.queues.first_key_value()?;
        let (&arrival, order) = queue.orders.first_key_value()?;
        Some((arrival, order.row, self.price_of(key)))
    }

    const fn price_of(&self, key: i64) -> Price {
        match self.side {
            Side::Buy => Price::new(!key),
            Side::Sell => Price::new(key),
        }
    }
}

impl Queue {
    /// A trade beyond this price: nobody is ahead any more. Answers with how much of `pool_e8` we took.
    fn on_trade_through(&mut self, instrument: &Instrument, pool_e8: i64, fills: &mut Vec<MakerFill>) -> i64 {
        let mut used_e8: i64 = 0;
        self.orders.retain(|_, order| {
            order.ahead_e8 = Some(0);
            used_e8 = used_e8.saturating_add(order.fill(instrument, pool_e8.saturating_sub(used_e8), fills));
            order.leaves > Qty::ZERO
        });
        used_e8
    }

    /// A trade at this price: those ahead first, then us in time order.
    fn on_trade_at(&mut self, instrument: &Instrument, pool_e8: i64, ts_event: Ts, fills: &mut Vec<MakerFill>) {
        let is_in_shown = ts_event <= self.ts_depth;
        if !is_in_shown {
            self.traded_e8 = self.traded_e8.saturating_add(pool_e8);
        }
        let mut used_e8: i64 = 0;
        self.orders.retain(|_, order| {
            let Some(ahead_e8) = order.ahead_e8 else { return true };
            let seen_e8 = if is_in_shown { order.moved_e8.min(pool_e8) } else { 0 };
            order.moved_e8 = order.moved_e8.saturating_sub(seen_e8);
            let moves_e8 = pool_e8.saturating_sub(seen_e8);
            order.ahead_e8 = Some(ahead_e8.saturating_sub(moves_e8).max(0));
            let spare_e8 = moves_e8.saturating_sub(ahead_e8).saturating_sub(used_e8);
            used_e8 = used_e8.saturating_add(order.fill(instrument, spare_e8, fills));
            order.leaves > Qty::ZERO
        });
    }
}

impl Resting {
    /// Fills from `spare_e8` what whole lots it holds; answers with what that used.
    fn fill(&mut self, instrument: &Instrument, spare_e8: i64, fills: &mut Vec<MakerFill>) -> i64 {
        let last_qty = instrument.lots_of_feed_qty(spare_e8).min(self.leaves);
        if last_qty == Qty::ZERO {
            return 0;
        }
        self.leaves = self.leaves.saturating_sub(last_qty);
        fills.push((self.row, last_qty));
        feed_qty(instrument, last_qty)
    }
}
