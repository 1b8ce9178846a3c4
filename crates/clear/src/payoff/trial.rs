//! What a payoff would pay were the index to stay at a price until the end, or to go there and back: so much a lot
//! requires, whatever its `value` says.

use tiderace_types::Rounding;

use super::run::{Engine, Run};
use super::value::{PRICE_MAX, within};
use super::{Payoff, Told};
use crate::market::NEVER;
use crate::wide::mul_div;

/// Prices between the shocks, both in.
const PRICES: i128 = 17;

/// Runs out of fuel.
pub(super) struct Exhausted;

impl Payoff {
    /// The least and the most over prices between `lowest` and `highest`. One that never matures pays its next flow, at
    /// its bounds; a flow to come counts beside any value.
    pub(super) fn tried(
        &self,
        engine: &mut Engine,
        fuel: &mut u64,
        index: i128,
        (lowest, highest): (i128, i128),
    ) -> Result<Option<(i128, i128)>, Exhausted> {
        if self.checked.payout.is_none() || self.checked.maturity == NEVER {
            return Ok(None);
        }
        let times = self.times();
        let has_path = times.len() > 1;
        let mut range = None;
        let width = highest.saturating_sub(lowest);
        for number in 0..PRICES {
            let to = lowest.saturating_add(mul_div(width, number, PRICES.saturating_sub(1), Rounding::Floor));
            let (to, back) = (to.clamp(1, PRICE_MAX), index.clamp(1, PRICE_MAX));
            for back in [Some(to), Some(back).filter(|_| has_path)].into_iter().flatten() {
                let paid = self.walk(engine, fuel, (to, back), &times)?;
                let (least, most) = range.unwrap_or((paid, paid));
                range = Some((paid.min(least), paid.max(most)));
            }
        }
        Ok(range)
    }

    /// What a long lot is paid by a path that is at `to` and `back` in turn, last at `to`: traps count as they will.
    fn walk(
        &self,
        engine: &mut Engine,
        fuel: &mut u64,
        (to, back): (i128, i128),
        times: &[tiderace_types::Ts],
    ) -> Result<i128, Exhausted> {
        let mut state = self.state.clone();
        let mut sum = 0i128;
        let mut number = self.observed;
        for (left, time) in (0..times.len()).rev().zip(times) {
            *fuel = fuel.checked_sub(self.step_fuel()).ok_or(Exhausted)?;
            let price = i64::try_from(if left % 2 == 0 { to } else { back }).unwrap_or(i64::MAX);
            let time_left_ns = self.checked.maturity.ns_since(*time).max(0);
            let told = Told { price, mark: price, now: *time, time_left_ns, number, ..Told::default() };
            let (entry, bounds) = match left {
                0 => (self.checked.payout.as_ref(), self.checked.bounds.payout),
                _ => (self.checked.on_observation.as_ref(), self.checked.bounds.flow),
            };
            let Some(entry) = entry else { continue };
            let (program, params) = (&self.checked.program, &self.listing.params[..]);
            // What is cut short by our fuel is no trap of the program's.
            let fuel_of = self.checked.fuel;
            if *fuel < fuel_of {
                return Err(Exhausted);
            }
            let before = state.clone();
            let (ended, used) = engine.call(&Run { program, entry, params, told: &told, fuel: fuel_of }, &mut state);
            *fuel = fuel.saturating_sub(used);
            let paid = ended.and_then(|paid| if entry.pays { within(paid, bounds) } else { Ok(0) });
            if paid.is_err() {
                state = before;
            }
            let instead = if left == 0 { self.checked.bounds.fallback } else { 0 };
            sum = sum.saturating_add(paid.unwrap_or(instead));
            number = number.saturating_add(1);
        }
        Ok(sum)
    }
}
