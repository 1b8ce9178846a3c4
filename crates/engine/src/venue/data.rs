//! Market data by order: each change of a book, numbered without a gap for each instrument; and the snapshot from which
//! a late client goes on.

use tiderace_matching::market::{BookChange, Indication, Market};
use tiderace_types::venue_data::{
    BookSnapshot, IndicationPublished, LevelListed, MarketData, OrderAdded, OrderListed, OrderRemoved, OrderShown,
    StatePublished, TradePrinted,
};
use tiderace_types::{DecodeError, Field, InstrumentId, Price, Qty, Side, TradeKind, TradingState, Ts};

use super::snapshot::{put_len, take_into};

/// One change of what everyone may see of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketDatum {
    /// When.
    pub ts: Ts,
    /// Where.
    pub instrument: InstrumentId,
    /// Its number, one more than that of the instrument's last (FIX 83).
    pub rpt_seq: u64,
    /// What.
    pub update: Update,
}

impl From<&MarketDatum> for MarketData {
    /// The record that is published.
    fn from(datum: &MarketDatum) -> Self {
        let MarketDatum { ts, instrument, rpt_seq, update } = *datum;
        match update {
            Update::Book(BookChange::Add { order_id, side, price, visible_qty }) => {
                OrderAdded { ts, instrument, rpt_seq, order_id, side, price, visible_qty }.into()
            }
            Update::Book(BookChange::Set { order_id, visible_qty }) => {
                OrderShown { ts, instrument, rpt_seq, order_id, visible_qty }.into()
            }
            Update::Book(BookChange::Remove { order_id }) => OrderRemoved { ts, instrument, rpt_seq, order_id }.into(),
            Update::Trade { price, qty, aggressor, kind } => {
                TradePrinted { ts, instrument, rpt_seq, price, qty, aggressor, kind }.into()
            }
            Update::State(state) => StatePublished { ts, instrument, rpt_seq, state }.into(),
            Update::Indication { price, qty, surplus, surplus_side } => {
                IndicationPublished { ts, instrument, rpt_seq, price, qty, surplus, surplus_side }.into()
            }
        }
    }
}

/// Appends the snapshot of a market: its head, an auction's indication, levels, orders.
pub(super) fn snapshot(ts: Ts, instrument: InstrumentId, rpt_seq: u64, market: &Market, out: &mut Vec<MarketData>) {
    let (book, at) = (market.book(), out.len());
    let best = |side| book.best(side).map_or((Price::ZERO, Qty::ZERO), |level| (level.price, level.visible_qty));
    let ((bid_px, bid_qty), (ask_px, ask_qty)) = (best(Side::Buy), best(Side::Sell));
    let (mut levels, mut orders) = (0u64, Vec::new());
    for side in Side::ALL.iter().copied() {
        for level in book.levels(side) {
            let before = orders.len();
            orders.extend(book.orders(side, level.price).map(|order| {
                let (order_id, price, visible_qty) = (order.order_id, level.price, order.visible_qty);
                MarketData::from(OrderListed { instrument, rpt_seq, order_id, side, price, visible_qty })
            }));
            let count = u64::try_from(orders.len().saturating_sub(before)).unwrap_or(u64::MAX);
            let (price, visible_qty) = (level.price, level.visible_qty);
            out.push(LevelListed { instrument, rpt_seq, side, price, visible_qty, orders: count }.into());
            levels = levels.saturating_add(1);
        }
    }
    let head = BookSnapshot {
        ts,
        instrument,
        rpt_seq,
        state: market.state(),
        bid_px,
        bid_qty,
        ask_px,
        ask_qty,
        has_traded: market.last_px().is_some(),
        last_px: market.last_px().unwrap_or(Price::ZERO),
        levels,
        orders: u64::try_from(orders.len()).unwrap_or(u64::MAX),
    };
    let indication = market.indication().filter(|_| market.state().is_auction()).map(|of| {
        let Indication { price, qty, surplus, surplus_side } = of;
        IndicationPublished { ts, instrument, rpt_seq, price, qty, surplus, surplus_side }.into()
    });
    out.splice(at..at, core::iter::once(head.into()).chain(indication));
    out.append(&mut orders);
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// The book.
    Book(BookChange),
    /// A trade.
    Trade {
        /// In ticks.
        price: Price,
        /// In lots.
        qty: Qty,
        /// Side of the order that came in.
        aggressor: Side,
        /// How it came about.
        kind: TradeKind,
    },
    /// The trading state.
    State(TradingState),
    /// Where an auction would uncross; quantity zero where it would not.
    Indication {
        /// In ticks.
        price: Price,
        /// In lots.
        qty: Qty,
        /// What one side would have left.
        surplus: Qty,
        /// Which side.
        surplus_side: Side,
    },
}

/// The buffer that a publisher drains. Numbers go on where nobody listens, so that they mean the same everywhere.
#[derive(Debug)]
pub(super) struct Feed {
    is_on: bool,
    rpt_seq: Vec<u64>,
    buffer: Vec<MarketDatum>,
}

impl Feed {
    pub(super) fn new(instruments: usize) -> Self {
        Self { is_on: false, rpt_seq: vec![0; instruments], buffer: Vec::new() }
    }

    pub(super) const fn enable(&mut self) {
        self.is_on = true;
    }

    pub(super) fn push(&mut self, ts: Ts, instrument: InstrumentId, update: Update) {
        let Some(rpt_seq) = self.rpt_seq.get_mut(instrument.index()) else { return };
        *rpt_seq = rpt_seq.saturating_add(1);
        if self.is_on {
            self.buffer.push(MarketDatum { ts, instrument, rpt_seq: *rpt_seq, update });
        }
    }

    pub(super) fn rpt_seq(&self, instrument: InstrumentId) -> u64 {
        self.rpt_seq.get(instrument.index()).copied().unwrap_or(0)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_len(self.rpt_seq.len(), out);
        self.rpt_seq.iter().for_each(|rpt_seq| rpt_seq.put(out));
    }

    pub(super) fn restore(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        take_into(&mut self.rpt_seq, bytes, Field::take)
    }

    pub(super) fn drain(&mut self, into: &mut Vec<MarketDatum>) {
        into.append(&mut self.buffer);
    }
}
