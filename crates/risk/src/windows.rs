//! Counts over a sliding window of time: messages, executions, and the orders sent lately.

use std::collections::VecDeque;

use tiderace_types::event::OrderSent;
use tiderace_types::{InstrumentId, OrdType, Price, Qty, Side, Ts};

use tiderace_types::id_map::{Handle, Id, IdMap};

/// Room made for times at the start; a larger limit grows into its own.
const TIMES_RESERVED: usize = 4_096;
/// Most orders that the duplicate check looks back over, however long its window.
const RECENT_MAX: usize = 16_384;

/// Times of the last `max` things, to tell whether `max` of them fall into a window.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    times: VecDeque<Ts>,
    max: usize,
    window_ns: i64,
}

impl Window {
    /// `max` things in `window_ns`; zero is off.
    pub(crate) fn new(max: u32, window_ns: i64) -> Self {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Self { times: VecDeque::with_capacity(max.min(TIMES_RESERVED)), max, window_ns }
    }

    /// Whether the last `max` things all lie less than the window before `ts`.
    pub(crate) fn is_full(&self, ts: Ts) -> bool {
        let first = self.times.front().filter(|_| self.max > 0 && self.times.len() >= self.max);
        first.is_some_and(|first| ts.ns_since(*first) < self.window_ns)
    }

    /// Counts one more.
    pub(crate) fn push(&mut self, ts: Ts) {
        if self.max == 0 {
            return;
        }
        if self.times.len() >= self.max {
            self.times.pop_front();
        }
        self.times.push_back(ts);
    }

    pub(crate) fn clear(&mut self) {
        self.times.clear();
    }
}

/// What makes two orders the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OrderKey {
    instrument: InstrumentId,
    side: Side,
    order_qty: Qty,
    /// `None` for a market order.
    price: Option<Price>,
}

impl OrderKey {
    pub(crate) fn of(sent: &OrderSent) -> Self {
        let price = (sent.ord_type == OrdType::Limit).then_some(sent.price);
        Self { instrument: sent.instrument, side: sent.side, order_qty: sent.order_qty, price }
    }
}

impl Id for OrderKey {
    const ZERO: Self = Self { instrument: InstrumentId(0), side: Side::Buy, order_qty: Qty::ZERO, price: None };
    fn bits(self) -> u64 {
        let price = self.price.map_or(0, Price::get).cast_unsigned();
        let qty = self.order_qty.get().cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let place = u64::from(self.instrument.0) << 1 | u64::from(self.side == Side::Sell);
        price.rotate_left(32) ^ qty ^ place.rotate_left(17)
    }
}

/// The orders sent within a window, by what they ask.
#[derive(Clone, Debug)]
pub(crate) struct RecentOrders {
    /// Row, when and what; rows count up and wrap.
    sent: VecDeque<(u32, Ts, OrderKey)>,
    next_row: u32,
    rows: IdMap<OrderKey>,
    window_ns: i64,
}

impl RecentOrders {
    pub(crate) fn new(window_ns: i64, seed: u64) -> Self {
        let capacity = if window_ns > 0 { RECENT_MAX } else { 0 };
        Self { sent: VecDeque::with_capacity(capacity), next_row: 0, rows: IdMap::new(capacity, seed), window_ns }
    }

    /// Nanoseconds since the same order was sent, where that is within the window.
    pub(crate) fn ns_since_same(&mut self, ts: Ts, key: OrderKey) -> Option<i64> {
        self.expire(ts);
        let row = self.rows.get(key)?.row;
        let (first, ..) = self.sent.front()?;
        let at = usize::try_from(row.wrapping_sub(*first) & ROW_MASK).ok()?;
        self.sent.get(at).map(|(_, sent, _)| ts.ns_since(*sent))
    }

    pub(crate) fn push(&mut self, ts: Ts, key: OrderKey) {
        if self.window_ns <= 0 {
            return;
        }
        self.expire(ts);
        if self.sent.len() >= RECENT_MAX {
            self.pop();
        }
        let row = self.next_row;
        self.next_row = row.wrapping_add(1) & ROW_MASK;
        self.sent.push_back((row, ts, key));
        self.rows.insert(key, Handle { row, generation: 0 });
    }

    fn expire(&mut self, ts: Ts) {
        while self.sent.front().is_some_and(|(_, sent, _)| ts.ns_since(*sent) >= self.window_ns) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        let Some((row, _, key)) = self.sent.pop_front() else { return };
        // A later order of the same terms has taken the key over.
        if self.rows.get(key).is_some_and(|handle| handle.row == row) {
            self.rows.remove(key);
        }
    }
}

/// Rows wrap at 2^31, which leaves the map's mark of emptiness alone.
const ROW_MASK: u32 = u32::MAX >> 1;
