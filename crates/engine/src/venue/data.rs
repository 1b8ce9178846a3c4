//! Market data by order: each change of a book, numbered without a gap for each instrument.

use tiderace_matching::market::BookChange;
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
