//! What margin values a payoff by: the least and the most that a lot comes to over shocks of index and vol.

use tiderace_program::TrapReason;
use tiderace_types::{Fraction, Rounding, Ts};

use super::paths::{E18, deviation, step};
use super::run::{Engine, Run};
use super::trial::Exhausted;
use super::{Entry, Payoff, PayoffEntry, PayoffTrap, Told, VALUATION_FUEL, Valuation};
use crate::market::NEVER;
use crate::wide::mul_div;

/// Half a shock, in its own unit.
const SHOCKS: [i128; 5] = [-2, -1, 0, 1, 2];
/// Fuel that one call costs beside the program's.
const STEP_FUEL: u64 = 200;
/// Bytes of state and parameters that are copied for a call, for one fuel.
const COPIED_BYTES: u64 = 8;
const ONE: i128 = 1_000_000_000;
/// No price of a scenario goes beyond.
pub(super) const PRICE_MAX: i128 = 1 << 60;

/// What a call pays, or where its program was stopped.
type Paid = Result<i128, (u8, u32)>;
/// A value of a scenario, rounded down and up.
type Valued = Result<(i128, i128), (u8, u32)>;

impl Payoff {
    /// Values it anew at an index in ticks; a trap is told once, when it comes.
    pub(super) fn revalue(&mut self, engine: &mut Engine, now: Ts, index: Option<i64>) -> Option<PayoffTrap> {
        let was_trapped = self.is_trapped;
        let stopped = self.take_value(engine, now, index);
        self.is_trapped = stopped.is_some();
        let (trap, statement) = stopped.filter(|_| !was_trapped)?;
        Some(PayoffTrap { entry: PayoffEntry::Value, trap, statement, amount: self.worst().1 })
    }

    /// Whether it has a value in some scenario, where there is an index to value it at.
    pub(super) fn has_value(&mut self, engine: &mut Engine, now: Ts, index: Option<i64>) -> bool {
        let stopped = self.take_value(engine, now, index);
        self.is_trapped = stopped.is_some();
        stopped.is_none() || self.valued > 0
    }

    /// Values it anew; where its program was stopped first.
    fn take_value(&mut self, engine: &mut Engine, now: Ts, index: Option<i64>) -> Option<(u8, u32)> {
        let worst = self.worst();
        let (valuation, Some(index)) = (self.checked.valuation, index) else {
            (self.low, self.high) = worst;
            return None;
        };
        let mut fuel = VALUATION_FUEL;
        let (mut range, mut trap, mut valued_count) = (None, None, 0u32);
        for vol in self.vols() {
            let paths = if valuation == Valuation::Paths { self.growths(vol, now) } else { Vec::new() };
            for shock in SHOCKS {
                let price = shocked(index.into(), self.listing.terms.price_shock, shock).clamp(1, PRICE_MAX);
                let price = i64::try_from(price).unwrap_or(i64::MAX);
                let valued = match valuation {
                    Valuation::WorstLoss => Err((0, u32::MAX)),
                    Valuation::ClosedForm => self.closed_form(engine, &mut fuel, price, vol, now),
                    Valuation::Paths => self.over_paths(engine, &mut fuel, price, &paths, now),
                };
                let (low, high) = match valued {
                    Ok(value) => {
                        valued_count = valued_count.saturating_add(1);
                        value
                    }
                    Err(stopped) => {
                        trap.get_or_insert(stopped);
                        worst
                    }
                };
                let (least, most) = range.unwrap_or((low, high));
                range = Some((low.min(least), high.max(most)));
            }
        }
        if valuation == Valuation::ClosedForm {
            let ends = [-2, 2].map(|shock| shocked(index.into(), self.listing.terms.price_shock, shock));
            match self.tried(engine, &mut fuel, index.into(), ends.into()) {
                Ok(tried) => range = range.map(|range| widened(self.with_next_flow(range), tried, worst)),
                Err(Exhausted) => {
                    trap.get_or_insert((TrapReason::OutOfFuel.code(), u32::MAX));
                    range = None;
                }
            }
        }
        (self.low, self.high) = range.unwrap_or(worst);
        self.valued = valued_count;
        trap.filter(|_| valuation != Valuation::WorstLoss)
    }

    /// Fuel of one call beside the program's: its state and parameters are copied.
    pub(super) fn step_fuel(&self) -> u64 {
        let bytes = self.state.len().saturating_add(self.listing.params.len());
        STEP_FUEL.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX) / COPIED_BYTES)
    }

    fn pay_for_step(&self, fuel: &mut u64) -> Result<(), (u8, u32)> {
        *fuel = fuel.checked_sub(self.step_fuel()).ok_or((TrapReason::OutOfFuel.code(), u32::MAX))?;
        Ok(())
    }

    /// A value that the next flow may go against before margin is asked again.
    fn with_next_flow(&self, (low, high): (i128, i128)) -> (i128, i128) {
        if self.left() == Some(0) {
            return (low, high);
        }
        let (least, most) = self.checked.bounds.flow;
        (low.saturating_add(least), high.saturating_add(most))
    }

    /// Vols of the scenarios, 10^-12.
    fn vols(&self) -> [i128; 2] {
        let terms = &self.listing.terms;
        [-2, 2].map(|shock| shocked(terms.vol.get(), terms.vol_shock, shock))
    }

    /// What a whole number of fuel is left for a call.
    fn call(&self, engine: &mut Engine, entry: &Entry, fuel: &mut u64, told: &Told, state: &mut [u8]) -> Paid {
        let run = Run {
            program: &self.checked.program,
            entry,
            params: &self.listing.params,
            told,
            fuel: self.checked.fuel.min(*fuel),
        };
        let (ended, used) = engine.call(&run, state);
        *fuel = fuel.saturating_sub(used);
        ended
    }

    fn closed_form(&self, engine: &mut Engine, fuel: &mut u64, price: i64, vol: i128, now: Ts) -> Valued {
        let Some(entry) = &self.checked.value else { return Err((0, u32::MAX)) };
        let maturity = self.checked.maturity;
        let time_left_ns = if maturity == NEVER { 0 } else { maturity.ns_since(now).max(0) };
        let vol_e18 = vol.saturating_mul(1_000_000);
        let told = Told { price, vol_e18, now, time_left_ns, number: self.observed, ..Told::default() };
        self.pay_for_step(fuel)?;
        let value = self.call(engine, entry, fuel, &told, &mut self.state.clone())?;
        within(value, self.worst()).map(|value| (value, value))
    }

    /// Times of what is left: observations, then the expiry.
    pub(super) fn times(&self) -> Vec<Ts> {
        let left = self.left().unwrap_or(0);
        let numbers = (0..left).map(|number| self.observed.saturating_add(number));
        let times = numbers.map(|number| Self::time_of(&self.listing, number, self.checked.maturity));
        times.chain([self.checked.maturity]).collect()
    }

    /// Where the index stands on every path at every time, as a multiple of now's, 10^-18.
    fn growths(&self, vol: i128, now: Ts) -> Vec<Vec<i128>> {
        let mut from = now;
        let deviations = self.times().into_iter().map(|to| deviation(vol, core::mem::replace(&mut from, to), to));
        let deviations: Vec<i128> = deviations.collect();
        // Draws belong to observations by number: those that are past are not drawn again.
        let all = deviations.len().saturating_add(usize::try_from(self.observed).unwrap_or(0)).max(1);
        let path = |draws: &[i64]| {
            let draws = draws.iter().skip(all.saturating_sub(deviations.len()));
            let mut growth = E18;
            let steps = deviations.iter().zip(draws).map(|(deviation, draw)| {
                growth = step(growth, *deviation, *draw);
                growth
            });
            steps.collect()
        };
        self.draws.chunks_exact(all).map(path).collect()
    }

    /// Mean of what the paths pay.
    fn over_paths(&self, engine: &mut Engine, fuel: &mut u64, price: i64, paths: &[Vec<i128>], now: Ts) -> Valued {
        let Some(payout) = &self.checked.payout else { return Err((0, u32::MAX)) };
        let times = self.times();
        let mut sum = 0i128;
        let mut state = self.state.clone();
        for path in paths {
            state.copy_from_slice(&self.state);
            let mut told = Told { now, number: self.observed, ..Told::default() };
            for (row, (growth, time)) in path.iter().zip(&times).enumerate() {
                self.pay_for_step(fuel)?;
                let ticks = mul_div(price.into(), *growth, E18, Rounding::Floor).clamp(1, PRICE_MAX);
                told.price = i64::try_from(ticks).unwrap_or(i64::MAX);
                told.mark = told.price;
                told.now = *time;
                told.time_left_ns = self.checked.maturity.ns_since(*time).max(0);
                let is_expiry = row.saturating_add(1) == times.len();
                let (entry, bounds) = if is_expiry {
                    (Some(payout), self.checked.bounds.payout)
                } else {
                    (self.checked.on_observation.as_ref(), self.checked.bounds.flow)
                };
                let Some(entry) = entry else { continue };
                let paid = self.call(engine, entry, fuel, &told, &mut state)?;
                if entry.pays {
                    sum = sum.saturating_add(within(paid, bounds)?);
                }
                told.number = told.number.saturating_add(1);
            }
        }
        let count = i128::try_from(paths.len()).unwrap_or(1).max(1);
        Ok((mul_div(sum, 1, count, Rounding::Floor), mul_div(sum, 1, count, Rounding::Ceil)))
    }
}

/// A range that holds another one too, as far as the declared worst.
fn widened(range: (i128, i128), tried: Option<(i128, i128)>, worst: (i128, i128)) -> (i128, i128) {
    let (least, most) = tried.unwrap_or(range);
    (range.0.min(least).max(worst.0), range.1.max(most).min(worst.1))
}

/// An amount within its declared bounds; another is as good as a trap.
pub(super) fn within(amount: i128, (least, most): (i128, i128)) -> Paid {
    if (least..=most).contains(&amount) { Ok(amount) } else { Err((0, u32::MAX)) }
}

/// A value moved by so many halves of a shock.
fn shocked(value: i128, shock: Fraction, halves: i128) -> i128 {
    let part = i128::from(shock.get()).saturating_mul(halves);
    mul_div(value, ONE.saturating_mul(2).saturating_add(part), ONE.saturating_mul(2), Rounding::Floor)
}
