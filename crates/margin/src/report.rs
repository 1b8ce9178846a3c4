//! What a portfolio asks for, taken apart: rows, contingencies, what binds and which leg causes it.

use tiderace_types::{Amount, Rounding};

use crate::arrays::RiskArrays;
use crate::factor::Factor;
use crate::params::Share;
use crate::portfolio::{Cause, Portfolio};
use crate::standard::Requirement;

/// Contingencies in base units of the settlement asset, rounded up. Initial ones come on top of maintenance ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contingencies {
    /// Basis risk: not added, but the least that the worst loss counts for.
    pub forward: Amount,
    /// On perpetuals.
    pub perpetual: Requirement,
    /// On short options.
    pub option: Requirement,
}

/// One scenario's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Index of the scenario.
    pub scenario: usize,
    /// Profit or loss with orders, discounted and damped, in base units, rounded down.
    pub pnl: Amount,
}

/// A requirement and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What is asked for.
    pub requirement: Requirement,
    /// Value of the options at no shock, in base units, rounded down.
    pub option_value: Amount,
    /// What binds.
    pub cause: Cause,
    /// The leg that loses most in the scenario that binds, with its own loss or gain there.
    pub leg: Option<(u32, Amount)>,
    /// The worst row.
    pub worst: Row,
    /// All rows.
    pub rows: Vec<Row>,
    /// Contingencies.
    pub contingencies: Contingencies,
}

impl Portfolio {
    /// What is asked for and where it comes from, orders in. `None` where it does not fit.
    #[must_use]
    pub fn report(&self, arrays: &RiskArrays) -> Option<Report> {
        let forward = self.notionals.forward.checked_add(self.order_notionals.forward)?;
        let (_, cause) = self.worst(arrays, &self.orders, forward);
        let pnls = self.pnl.iter().zip(&self.orders).zip(arrays.shapes());
        let rows = pnls.enumerate().map(|(scenario, ((pnl, order), shape))| {
            let pnl = arrays.base_units(shape.damped(*pnl).checked_add(*order)?, Rounding::Floor)?;
            Some(Row { scenario, pnl })
        });
        let rows = rows.collect::<Option<Vec<Row>>>()?;
        let worst = *rows.iter().min_by_key(|row| row.pnl)?;
        Some(Report {
            requirement: self.requirement(arrays)?,
            option_value: arrays.base_units(self.option_value(arrays), Rounding::Floor)?,
            cause,
            leg: self.worst_leg(arrays, cause)?,
            worst,
            rows,
            contingencies: self.contingencies(arrays, forward)?,
        })
    }

    /// Value of the options at no shock, in 10^-12.
    fn option_value(&self, arrays: &RiskArrays) -> i128 {
        let groups = self.sums.chunks_exact(arrays.width().max(1)).skip(1);
        groups.filter_map(|sums| sums.get(self.pnl.len())).fold(0, |sum, base| sum.wrapping_add(*base))
    }

    /// The position that loses most by itself in the scenario that binds.
    fn worst_leg(&self, arrays: &RiskArrays, cause: Cause) -> Option<Option<(u32, Amount)>> {
        let scenarios = self.pnl.len();
        let outcome = |(leg, lots): &(u32, i64)| {
            let row = arrays.row(usize::try_from(*leg).ok()?)?;
            let base = i128::from(*row.get(scenarios)?);
            let at =
                |column: usize| Some(i128::from(*row.get(column)?).wrapping_sub(base).wrapping_mul(i128::from(*lots)));
            let pnl = match cause {
                Cause::None => return None,
                Cause::Scenario(scenario) => {
                    let pnl = at(scenario)?;
                    let is_skew = arrays.shapes().get(scenario)?.is_skew;
                    if is_skew { pnl.abs().wrapping_neg() } else { pnl }
                }
                Cause::Forward => at(scenarios.checked_add(1)?)?.min(at(scenarios.checked_add(2)?)?),
            };
            Some((*leg, pnl))
        };
        let worst = self.held.iter().filter_map(outcome).min_by_key(|(_, pnl)| *pnl);
        Some(match worst {
            Some((leg, pnl)) => Some((leg, arrays.base_units(pnl, Rounding::Floor)?)),
            None => None,
        })
    }

    fn contingencies(&self, arrays: &RiskArrays, forward: i128) -> Option<Contingencies> {
        let contingency = &arrays.params().contingency;
        let share = |share: Factor, of: i128| arrays.base_units(share.of(of, Rounding::Ceil)?, Rounding::Ceil);
        let (orders, positions) = (&self.order_notionals, &self.notionals);
        let perpetual = positions.perpetual.checked_add(orders.perpetual)?;
        let option = positions.option.checked_add(orders.option)?;
        let both = |shares: &Share, of: i128| {
            Some(Requirement { initial: share(shares.initial, of)?, maintenance: share(shares.maintenance, of)? })
        };
        Some(Contingencies {
            forward: arrays.base_units(forward, Rounding::Ceil)?,
            perpetual: both(&contingency.perpetual, perpetual)?,
            option: both(&contingency.option, option)?,
        })
    }
}
