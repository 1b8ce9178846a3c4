//! Payoffs that are programs (`docs/PAYOFF.md`): listed, observed, valued for margin, paid out.
//!
//! A listed payoff is its program, its parameters, a flat record of state, and declared bounds. What a long lot is paid
//! a short one pays, in whole base units, so nothing is made or lost between them. A program that traps, or says what is
//! outside of its bounds, costs nobody but its holders: a declared amount counts instead. The state's bytes and the
//! listing are part of clearing's snapshot; machine code is made anew, and where the machine cannot, the interpreter
//! gives the same.

mod listing;
mod paths;
mod run;
mod served;
mod trial;
mod value;

use std::sync::Arc;

use tiderace_program::Program;
use tiderace_types::venue::ListPayoff;
use tiderace_types::{DecodeError, Field, Price, Rounding, Ts};

use crate::bytes::{bad, put_len};
use crate::market::NEVER;
use crate::wide::mul_div;

pub(crate) use run::Payoffs;

/// What counts instead, of a program that was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayoffTrap {
    /// In what.
    pub entry: PayoffEntry,
    /// Number of the trap; zero: outside of the declared bounds.
    pub trap: u8,
    /// Number of the statement; `u32::MAX` where none.
    pub statement: u32,
    /// What counts instead, in ticks of a lot.
    pub amount: i128,
}

/// An entry of a payoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoffEntry {
    /// `on_observation`.
    Observation,
    /// `payout`.
    Payout,
    /// `value`, or the paths of a valuation.
    Value,
}

/// Fuel of one call where the program does not say.
const CALL_FUEL: u64 = 100_000;
/// The most fuel of one call.
const CALL_FUEL_MAX: u64 = 1_000_000;
/// Fuel of all scenarios of one valuation.
const VALUATION_FUEL: u64 = 10_000_000;

/// How margin values it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Valuation {
    /// By the entry `value`.
    ClosedForm,
    /// By running it over paths.
    Paths,
    /// By its declared bounds.
    WorstLoss,
}

/// Something that an entry may ask for, by the name of its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Price,
    Mark,
    Vol,
    NowNs,
    TimeLeftNs,
    Number,
}

/// An entry and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    number: usize,
    asks: Vec<Ask>,
    pays: bool,
}

/// What entries are told.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    price: i64,
    mark: i64,
    vol_e18: i128,
    now: Ts,
    time_left_ns: i64,
    number: u32,
}

impl Entry {
    /// The arguments' bytes.
    fn args(&self, told: &Told, out: &mut Vec<u8>) {
        out.clear();
        for ask in &self.asks {
            match ask {
                Ask::Price => told.price.put(out),
                Ask::Mark => told.mark.put(out),
                Ask::Vol => told.vol_e18.put(out),
                Ask::NowNs => told.now.put(out),
                Ask::TimeLeftNs => told.time_left_ns.put(out),
                Ask::Number => i64::from(told.number).put(out),
            }
        }
    }
}

/// Bounds in ticks of a lot, as the parameters declare them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bounds {
    payout: (i128, i128),
    flow: (i128, i128),
    fallback: i128,
}

/// What is found in a listing once it has passed its checks.
#[derive(Clone, Debug)]
struct Checked {
    program: Arc<Program>,
    valuation: Valuation,
    on_observation: Option<Entry>,
    payout: Option<Entry>,
    value: Option<Entry>,
    bounds: Bounds,
    fuel: u64,
    /// When it expires; never: [`NEVER`].
    maturity: Ts,
    /// Base units of the settlement asset in a tick of a lot.
    unit: i128,
}

/// The payoff of an instrument.
#[derive(Clone, Debug)]
pub(crate) struct Payoff {
    listing: ListPayoff,
    checked: Checked,
    /// The program's state.
    state: Vec<u8>,
    /// Observations made or missed.
    observed: u32,
    /// When the next one is due.
    next: Ts,
    /// The least and the most that a lot may come to in a scenario, in ticks of a lot.
    low: i128,
    high: i128,
    /// Whether a scenario of the last valuation trapped.
    is_trapped: bool,
    /// Scenarios of the last valuation that did not.
    valued: u32,
    /// Draws of the paths, 10^-9, path by path.
    draws: Vec<i64>,
}

/// What a lot of a payoff requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PayoffRule {
    low: i128,
    high: i128,
    unit: i128,
    /// 10^-9.
    maintenance: i128,
}

impl PayoffRule {
    /// Initial and maintenance requirement of so many lots: what they may lose beyond their mark, which is in equity.
    pub(crate) fn requirement(&self, lots: i64, mark: Option<Price>) -> (i128, i128) {
        let mark = mark.map_or(0, |mark| i128::from(mark.get()).clamp(self.low, self.high));
        let loss = if lots > 0 { self.low.saturating_neg() } else { self.high.saturating_sub(mark) };
        let size = i128::from(lots.unsigned_abs());
        let initial = loss.max(0).saturating_mul(self.unit).saturating_mul(size);
        (initial, mul_div(initial, self.maintenance, 1_000_000_000, Rounding::Ceil))
    }

    /// A mark within what the scenarios say.
    pub(crate) fn bounded(&self, mark: Price) -> Price {
        let ticks = i128::from(mark.get()).clamp(self.low, self.high);
        i64::try_from(ticks).map_or(mark, Price::new)
    }
}

impl Payoff {
    /// Time of an observation; never where there is none.
    fn time_of(listing: &ListPayoff, number: u32, maturity: Ts) -> Ts {
        let terms = &listing.terms;
        let time = if terms.interval_ns > 0 {
            let ns = terms.interval_ns.checked_mul(i64::from(number));
            ns.and_then(|ns| terms.first.get().checked_add(ns)).map(Ts::new)
        } else {
            usize::try_from(number).ok().and_then(|number| listing.times.get(number)).copied()
        };
        time.filter(|time| *time <= maturity).unwrap_or(NEVER)
    }

    /// When an observation is due.
    pub(crate) const fn due(&self) -> Ts {
        self.next
    }

    /// How many observations are left; none where it never expires and they never end.
    fn left(&self) -> Option<u32> {
        count_of(&self.listing, self.checked.maturity).map(|all| all.saturating_sub(self.observed))
    }

    /// The least and the most that it may still pay, whatever its program says; one more flow where they never end.
    fn worst(&self) -> (i128, i128) {
        let Bounds { payout, flow, .. } = self.checked.bounds;
        let left = i128::from(self.left().unwrap_or(1));
        let with = |payout: i128, flow: i128| payout.saturating_add(flow.saturating_mul(left));
        (with(payout.0, flow.0), with(payout.1, flow.1))
    }

    pub(crate) fn rule(&self) -> PayoffRule {
        let maintenance = i128::from(self.listing.terms.maintenance.get());
        PayoffRule { low: self.low, high: self.high, unit: self.checked.unit, maintenance }
    }

    /// The most base units that a lot may move.
    pub(crate) fn most(&self) -> i128 {
        let (low, high) = self.worst();
        low.saturating_abs().max(high.saturating_abs()).saturating_mul(self.checked.unit)
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let mut listing = Vec::new();
        self.listing.encode(&mut listing);
        for bytes in [&listing, &self.state] {
            put_len(bytes.len(), out);
            out.extend_from_slice(bytes);
        }
        self.observed.put(out);
        self.low.put(out);
        self.high.put(out);
        self.is_trapped.put(out);
    }

    /// Takes what the listing does not say from its bytes.
    fn restore(&mut self, state: &[u8], bytes: &mut &[u8]) -> Result<(), DecodeError> {
        if state.len() != self.state.len() {
            return Err(bad("state of a payoff"));
        }
        self.state = state.to_vec();
        self.observed = Field::take(bytes)?;
        self.low = Field::take(bytes)?;
        self.high = Field::take(bytes)?;
        self.is_trapped = Field::take(bytes)?;
        if self.low > self.high {
            return Err(bad("bounds of a payoff"));
        }
        self.next = Self::time_of(&self.listing, self.observed, self.checked.maturity);
        Ok(())
    }
}

/// How many observations there are until a maturity; none where they never end.
fn count_of(listing: &ListPayoff, maturity: Ts) -> Option<u32> {
    let terms = &listing.terms;
    if terms.interval_ns <= 0 {
        return u32::try_from(listing.times.len()).ok();
    }
    if maturity == NEVER {
        return None;
    }
    let span = maturity.ns_since(terms.first);
    let count = span.checked_div(terms.interval_ns).filter(|_| span >= 0).map_or(0, |whole| whole.saturating_add(1));
    Some(u32::try_from(count).unwrap_or(u32::MAX))
}
