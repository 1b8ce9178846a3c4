//! What the desk knows of the markets: what parents and their programs look at. It is one value, so that it can be lent
//! to a program's host for the length of a call.

use core::cell::Cell;

use tiderace_book::Book;
use tiderace_risk::RiskConfig;
use tiderace_types::event::FillBooked;
use tiderace_types::num::div_round;
use tiderace_types::venue::SurfacePublished;
use tiderace_types::{
    Amount, Fraction, Instrument, InstrumentId, MarketEvent, Price, Qty, Refusal, Rounding, Side, Ts,
};

use crate::marks::Marks;

/// Half of the time over which a mid's range is known.
const HALF_NS: i64 = 30_000_000_000;

/// Instruments, books, and what was seen of each.
#[derive(Default)]
pub(crate) struct Ground {
    pub(crate) instruments: Vec<Instrument>,
    pub(crate) books: Vec<Book>,
    /// Largest order of each, in lots and in value, by the desk's own limits.
    pub(crate) limits: Vec<(Qty, Amount)>,
    pub(crate) prints: Vec<Prints>,
    ranges: Vec<Range>,
    /// The account's lots, sold below zero.
    pub(crate) positions: Vec<i64>,
    /// Whether the market data prints our own trades.
    pub(crate) prints_own: bool,
    /// What options are worth.
    pub(crate) marks: Marks,
    /// The smallest child of each instrument's sides, at the best prices it was last asked for.
    smallest: Vec<[[Cell<Smallest>; KNOWN]; 2]>,
}

/// The best prices (of the other side, of the own one), and the smallest child at these.
type Smallest = (Price, Price, i128);

/// Pairs of best prices for which a smallest child is kept: those that a book comes back to.
const KNOWN: usize = 16;

/// Sums of what traded in an instrument.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Prints {
    pub(crate) trades: u64,
    pub(crate) last: Price,
    pub(crate) qty_e8: i128,
    pub(crate) exposure: i128,
    /// Exposure of our own fills.
    pub(crate) own: i128,
}

/// Lowest and highest mid (twice it) of this half minute and the one before.
#[derive(Clone, Copy, Debug)]
struct Range {
    half: i64,
    now: (i64, i64),
    before: (i64, i64),
}

const NO_RANGE: (i64, i64) = (i64::MAX, i64::MIN);

impl Default for Range {
    fn default() -> Self {
        Self { half: i64::MIN, now: NO_RANGE, before: NO_RANGE }
    }
}

impl Range {
    fn add(&mut self, ts: Ts, mid2: i64) {
        let half = ts.get().div_euclid(HALF_NS);
        self.pass(half);
        self.now = (self.now.0.min(mid2), self.now.1.max(mid2));
    }

    fn pass(&mut self, half: i64) {
        if half != self.half {
            self.before = if half == self.half.saturating_add(1) { self.now } else { NO_RANGE };
            (self.half, self.now) = (half, NO_RANGE);
        }
    }

    /// Highest less lowest, at a time.
    fn width(mut self, ts: Ts, mid2: i64) -> i64 {
        self.add(ts, mid2);
        let (low, high) = (self.now.0.min(self.before.0), self.now.1.max(self.before.1));
        high.saturating_sub(low)
    }
}

impl Ground {
    pub(crate) fn new(instruments: &[Instrument], risk: &RiskConfig, prints_own: bool) -> Self {
        Self {
            books: instruments.iter().map(|_| Book::new()).collect(),
            limits: risk.instruments.iter().map(|limits| (limits.max_order_qty, limits.max_order_value)).collect(),
            prints: vec![Prints::default(); instruments.len()],
            ranges: vec![Range::default(); instruments.len()],
            positions: vec![0; instruments.len()],
            instruments: instruments.to_vec(),
            prints_own,
            marks: Marks::new(instruments),
            smallest: instruments.iter().map(|_| Default::default()).collect(),
        }
    }

    /// The smallest child on a side of an instrument, worked out anew only where a best price has moved since.
    pub(crate) fn smallest(&self, instrument: InstrumentId, side: Side, work_out: impl FnOnce() -> i128) -> i128 {
        let at = instrument.index();
        let known = self.smallest.get(at).map(|[buy, sell]| if side == Side::Buy { buy } else { sell });
        let book = self.books.get(at).filter(|book| book.is_live());
        let best = |side| book.and_then(|book| book.best(side)).map(|level| level.price);
        let (Some(known), Some(other), Some(own)) = (known, best(side.opposite()), best(side)) else {
            return work_out();
        };
        // A book of one spread walks through the places one by one.
        let place =
            other.get().wrapping_add(own.get().wrapping_mul(2)).rem_euclid(i64::try_from(KNOWN).unwrap_or(i64::MAX));
        let Some(known) = usize::try_from(place).ok().and_then(|place| known.get(place)) else { return work_out() };
        let (known_other, known_own, amount) = known.get();
        if (known_other, known_own) == (other, own) && amount > 0 {
            return amount;
        }
        let amount = work_out();
        known.set((other, own, amount));
        amount
    }

    /// A trade printed.
    pub(crate) fn on_trade(&mut self, event: &MarketEvent) {
        let at = event.instrument.index();
        let Some((instrument, prints)) = self.instruments.get(at).zip(self.prints.get_mut(at)) else { return };
        let lots = instrument.lots_of_feed_qty(event.qty_e8);
        let exposure = instrument.exposure(lots, event.price, Rounding::Floor).map_or(0, Amount::get);
        prints.trades = prints.trades.saturating_add(1);
        prints.last = event.price;
        prints.qty_e8 = prints.qty_e8.saturating_add(event.qty_e8.max(0).into());
        prints.exposure = prints.exposure.saturating_add(exposure);
    }

    /// A book's best prices moved.
    pub(crate) fn on_moved(&mut self, ts: Ts, instrument: InstrumentId) {
        let at = instrument.index();
        let mid2 = self.books.get(at).and_then(Book::mid2);
        if let (Some(mid2), Some(range)) = (mid2, self.ranges.get_mut(at)) {
            range.add(ts, mid2);
            self.marks.on_moved(instrument, mid2);
        }
    }

    /// A published surface.
    pub(crate) fn on_surface(&mut self, surface: &SurfacePublished) -> Result<(), Refusal> {
        let Self { books, instruments, marks, .. } = self;
        marks.take(instruments, surface, |id| mid2_of(books, id))
    }

    /// Twice the mid of a book that is live.
    pub(crate) fn mid2(&self, instrument: InstrumentId) -> Option<i64> {
        mid2_of(&self.books, instrument)
    }

    /// A fill of the account.
    pub(crate) fn on_fill(&mut self, fill: &FillBooked) {
        let at = fill.instrument.index();
        let sign = if fill.is_reversal { -1 } else { 1 };
        if let Some(position) = self.positions.get_mut(at) {
            let lots = fill.last_qty.get().saturating_mul(fill.side.sign()).saturating_mul(sign);
            *position = position.saturating_add(lots);
        }
        if let Some(prints) = self.prints.get_mut(at) {
            prints.own = prints.own.saturating_add(fill.exposure.get().saturating_mul(sign.into()));
        }
    }

    /// Whether a gate is shut: the spread, or the range of the mid, is a larger share of the mid. Zero is no gate.
    pub(crate) fn is_gated(&self, ts: Ts, instrument: InstrumentId, spread_max: Fraction, range_max: Fraction) -> bool {
        if spread_max == Fraction::ZERO && range_max == Fraction::ZERO {
            return false;
        }
        let at = instrument.index();
        let Some((book, range)) = self.books.get(at).zip(self.ranges.get(at)) else { return true };
        let (Some(mid2), Some(bid), Some(ask)) = (book.mid2(), book.best(Side::Buy), book.best(Side::Sell)) else {
            return true;
        };
        // Both in halves of a tick, against twice the mid.
        let spread2 = ask.price.get().saturating_sub(bid.price.get()).saturating_mul(2);
        let is_wider = |width2: i64, max: Fraction| {
            let most = Amount::new(i128::from(mid2).saturating_abs()).times(max, Rounding::Floor);
            max > Fraction::ZERO && most.is_some_and(|most| i128::from(width2) > most.get())
        };
        is_wider(spread2, spread_max) || is_wider(range.width(ts, mid2), range_max)
    }
}

fn mid2_of(books: &[Book], instrument: InstrumentId) -> Option<i64> {
    books.get(instrument.index()).filter(|book| book.is_live()).and_then(Book::mid2)
}

/// A price moved by a share of itself, to the nearer tick on the side that is asked for.
pub(crate) fn moved(mid2: i64, share: i64, rounding: Rounding) -> Option<Price> {
    let one = i128::from(Fraction::ONE.get());
    let factor = one.checked_add(share.into())?;
    let px = div_round(i128::from(mid2).checked_mul(factor)?, one.checked_mul(2)?, rounding)?;
    i64::try_from(px).ok().map(Price::new)
}
