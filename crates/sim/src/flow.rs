//! Level changes out of a seed, for the benches: by-price books and trades of one or several instruments.
//!
//! A zero-intelligence book after Cont, Stoikov and Talreja ("A stochastic model for order book dynamics", Operations
//! Research 58(3), 2010): limit orders, cancels and market orders arrive as Poisson processes, limit orders and cancels
//! at a distance from the opposite best that falls off as a power (1/i here), cancels in proportion to what stands
//! there. Over it lies one fair value common to all instruments, a random walk: market orders lean towards it, and
//! makers reprice when it is a level away.
//!
//! Invariants: every message leaves each book uncrossed with both sides present; quantities are whole lots; the same
//! config gives the same bytes on every machine. Refused: what would not fit (see [`FlowError`]). The flow does not react
//! to our orders, so no run trades on it ([`crate::OwnVenue`] is for that): the benches of desk and replay do, whose
//! published figures name their input by its recipe and checksum, and need millions of level changes without matching.

use serde::{Deserialize, Serialize};
use tiderace_feed::Tape;
use tiderace_types::{Fraction, Instrument, MarketEvent, Price, Qty, Ts};

use crate::flow_book::FlowBook;
use crate::latency::{Latency, LatencyModel, Leg, retime_events};
use crate::rng::{self, Rng};

/// Most level changes that one flow may hold: 48 bytes each.
pub const CHANGES_MAX: u64 = 100_000_000;
/// Most levels a side that a flow may keep busy.
pub const LEVELS_MAX: u32 = 4_096;
/// Most messages in a row without a level change before a flow is given up: a book of which market
/// orders have taken all but the last lots has nobody to refill it.
pub const STILL_MESSAGES_MAX: u64 = 1_000_000;
/// How often the fair value moves.
const FAIR_STEP_NS: i64 = 10_000_000;

/// A recipe for a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowConfig {
    /// Seed of every draw.
    pub seed: u64,
    /// Venue time of the snapshots.
    pub start: Ts,
    /// It stops with the message in which the level changes after the snapshots reach this number.
    pub level_changes: u64,
    /// Deviation of the fair value over one second, as a fraction of it.
    pub volatility: Fraction,
    /// How long messages take to us; not `recorded`.
    pub latency: LatencyModel,
    /// Whether trades are printed.
    pub has_trades: bool,
    /// One entry an instrument, in id order.
    pub books: Vec<FlowTerms>,
}

/// The shape of one book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowTerms {
    /// The fair value at the start, in ticks.
    pub mid: Price,
    /// Ticks from one level to the next.
    pub level_step: i64,
    /// Levels a side of the snapshot, and the greatest distance of an order from the opposite best.
    pub levels: u32,
    /// Mean quantity displayed at a level, in lots.
    pub level_qty: Qty,
    /// Mean quantity of a market order, in lots.
    pub market_qty: Qty,
    /// Depth messages in a second.
    pub messages_per_s: u32,
    /// Share of them that are market orders.
    pub market_share: Fraction,
}

/// Why a [`FlowConfig`] is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowError {
    /// There is not one book an instrument, or there is none.
    BookCount {
        /// Instruments given.
        wanted: usize,
        /// Books in the config.
        got: usize,
    },
    /// A number of a book is zero, negative or too large.
    Terms {
        /// Row of the book.
        book: usize,
        /// Which key.
        key: &'static str,
    },
    /// A number of the whole is out of range.
    Config {
        /// Which key.
        key: &'static str,
    },
    /// The books stand still before the level changes that were asked for.
    Starved {
        /// Level changes asked for.
        wanted: u64,
        /// Level changes made.
        got: u64,
    },
}

impl core::fmt::Display for FlowError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::BookCount { wanted, got } => {
                write!(f, "flow has {got} books for {wanted} instruments; give one each, in order, at least one")
            }
            Self::Terms { book, key } => write!(
                f,
                "flow book {book}: {key} is out of range: above zero, at most {LEVELS_MAX} levels, market_share \
                 within 1, and mid at least 4 x levels x level_step"
            ),
            Self::Config { key } => write!(
                f,
                "flow: {key} is out of range: level_changes above zero and at most {CHANGES_MAX}, volatility 0 to 0.01, \
                 latency not recorded"
            ),
            Self::Starved { wanted, got } => write!(
                f,
                "flow: the books stand still after {got} of {wanted} level changes: {STILL_MESSAGES_MAX} messages in a row \
                 changed nothing; lower market_share, so that limit orders refill what market orders take"
            ),
        }
    }
}

impl std::error::Error for FlowError {}

impl FlowConfig {
    /// The flow of the benches: one book, level changes only, no waiting.
    #[must_use]
    pub fn level_changes(count: u64, seed: u64) -> Self {
        let lots = |n| Qty::new(n).unwrap_or(Qty::MAX);
        Self {
            seed,
            start: Ts::new(1_700_000_000_000_000_000),
            level_changes: count,
            volatility: Fraction::new(50_000),
            latency: LatencyModel::ConstantNs(1_000_000),
            has_trades: false,
            books: vec![FlowTerms {
                mid: Price::new(600_000),
                level_step: 1,
                levels: 500,
                level_qty: lots(2_000),
                market_qty: lots(500),
                messages_per_s: 2_000,
                market_share: Fraction::new(40_000_000),
            }],
        }
    }

    /// Checks every number against its range.
    ///
    /// # Errors
    /// [`FlowError`], the first found.
    pub fn check(&self, instruments: &[Instrument]) -> Result<(), FlowError> {
        if self.books.len() != instruments.len() || instruments.is_empty() {
            return Err(FlowError::BookCount { wanted: instruments.len(), got: self.books.len() });
        }
        let whole = |fraction: Fraction| (Fraction::ZERO..=Fraction::ONE).contains(&fraction);
        for (book, (terms, instrument)) in self.books.iter().zip(instruments).enumerate() {
            let span = terms.level_step.saturating_mul(i64::from(terms.levels)).saturating_mul(4);
            let fits = |qty: Qty| {
                let most = instrument.feed_qty_of_lots(qty).and_then(|e8| e8.checked_mul(1_000_000));
                qty > Qty::ZERO && most.is_some()
            };
            let checks = [
                ("level_step", terms.level_step > 0),
                ("levels", (1..=LEVELS_MAX).contains(&terms.levels)),
                ("mid", terms.mid.get() >= span && terms.mid.get() <= i64::MAX / 4),
                ("level_qty", fits(terms.level_qty)),
                ("market_qty", fits(terms.market_qty)),
                ("messages_per_s", terms.messages_per_s > 0),
                ("market_share", whole(terms.market_share)),
                ("lot_size", instrument.feed_qty_of_lots(ONE_LOT).is_some_and(|e8| e8 > 0)),
            ];
            if let Some((key, _)) = checks.into_iter().find(|(_, is_good)| !is_good) {
                return Err(FlowError::Terms { book, key });
            }
        }
        let checks = [
            ("level_changes", (1..=CHANGES_MAX).contains(&self.level_changes)),
            ("volatility", (0..=10_000_000).contains(&self.volatility.get())),
            ("latency", self.latency.is_valid() && self.latency != LatencyModel::Recorded),
        ];
        match checks.into_iter().find(|(_, is_good)| !is_good) {
            Some((key, _)) => Err(FlowError::Config { key }),
            None => Ok(()),
        }
    }
}

const ONE_LOT: Qty = match Qty::new(1) {
    Some(qty) => qty,
    None => Qty::MAX,
};

/// Makes the tape that a config describes: each book's snapshot first, then its messages, sorted by arrival.
///
/// # Errors
/// [`FlowError`] where the config is out of range, or its books come to a stand.
pub fn generate(config: &FlowConfig, instruments: &[Instrument]) -> Result<Tape, FlowError> {
    config.check(instruments)?;
    let mut events = Vec::with_capacity(usize::try_from(config.level_changes).unwrap_or(0).saturating_add(8_192));
    let mut flow = Flow::new(config, instruments);
    for book in &mut flow.books {
        book.snapshot(config.start, &mut flow.rng, &mut events);
    }
    let (mut changes, mut still): (u64, u64) = (0, 0);
    while changes < config.level_changes {
        let made = flow.next_message(config, &mut events);
        changes = changes.saturating_add(made);
        still = if made == 0 { still.saturating_add(1) } else { 0 };
        if still >= STILL_MESSAGES_MAX {
            let (wanted, got) = (config.level_changes, changes);
            return Err(FlowError::Starved { wanted, got });
        }
    }
    retime_events(&mut events, &mut Latency::new(config.latency, config.seed, Leg::Feed));
    Ok(Tape { events, clock_offset_ns: 0 })
}

/// BLAKE3 of the records' bytes in order, as hex: what names a flow beside its recipe.
#[must_use]
pub fn checksum(events: &[MarketEvent]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = Vec::with_capacity(1_024 * MarketEvent::LEN);
    for part in events.chunks(1_024) {
        bytes.clear();
        for event in part {
            bytes.extend_from_slice(&event.to_bytes());
        }
        hasher.update(&bytes);
    }
    hasher.finalize().to_hex().to_string()
}

struct Flow {
    rng: Rng,
    books: Vec<FlowBook>,
    /// Sum of the rates up to and with each book.
    rates: Vec<u64>,
    rate: u64,
    elapsed_ns: i64,
    fair_moved_ns: i64,
    /// The fair value's distance from its start, as a fraction.
    fair: f64,
}

impl Flow {
    fn new(config: &FlowConfig, instruments: &[Instrument]) -> Self {
        let books = config.books.iter().zip(instruments).map(|(terms, instrument)| {
            let lot_e8 = instrument.feed_qty_of_lots(ONE_LOT).unwrap_or(1);
            FlowBook::new(instrument.id, terms, lot_e8)
        });
        let mut rate: u64 = 0;
        let rates = config.books.iter().map(|terms| {
            rate = rate.saturating_add(terms.messages_per_s.into());
            rate
        });
        let rates = rates.collect();
        Self {
            rng: Rng::new(config.seed, 0x666c_6f77),
            books: books.collect(),
            rates,
            rate,
            elapsed_ns: 0,
            fair_moved_ns: 0,
            fair: 0.0,
        }
    }

    /// One message of one book; answers with its level changes.
    fn next_message(&mut self, config: &FlowConfig, events: &mut Vec<MarketEvent>) -> u64 {
        let mean_ns = 1_000_000_000.0 / rng::float(i64::try_from(self.rate).unwrap_or(i64::MAX));
        let wait_ns = rng::floor(mean_ns * self.rng.exponential());
        self.elapsed_ns = self.elapsed_ns.saturating_add(wait_ns);
        let still_ns = self.elapsed_ns.saturating_sub(self.fair_moved_ns);
        if still_ns >= FAIR_STEP_NS {
            self.fair_moved_ns = self.elapsed_ns;
            let per_second = rng::float(config.volatility.get()) / 1_000_000_000.0;
            let seconds = rng::float(still_ns) / 1_000_000_000.0;
            self.fair += per_second * libm::sqrt(seconds) * self.rng.normal();
            for book in &mut self.books {
                book.set_fair(self.fair);
            }
        }
        let draw = self.rng.below(self.rate);
        let row = self.rates.partition_point(|sum| *sum <= draw);
        let ts = config.start.plus_ns(self.elapsed_ns);
        match self.books.get_mut(row) {
            Some(book) => book.next_message(config, ts, &mut self.rng, events),
            None => 0,
        }
    }
}
