//! A margin model with its numbers multiplied out beforehand, so that one more fill costs one division.
//!
//! The answer is that of [`tiderace_margin::Terms::requirement`], which also gives it for options.

use tiderace_margin::{Model, Quotes, Requirement, Terms};
use tiderace_types::instrument::{STEP_DECIMALS, pow10};
use tiderace_types::{Amount, Instrument, InstrumentKind, Price, Rate, Rounding, Style};

use crate::config::ContractTerms;
use crate::payoff::PayoffRule;
use crate::wide::mul_div;

/// 10^-18 in a step of 10^-12.
const RATE_PER_STEP: i128 = 1_000_000;

/// What positions of an instrument require.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    terms: Option<Terms>,
    model: Option<Model>,
    fast: Option<Fast>,
    tick: i128,
    kind: InstrumentKind,
    /// Of a program, once it is listed.
    payoff: Option<PayoffRule>,
}

/// A tiered requirement: lots x (`base` + `per_lot` x lots) x ticks / `den`, or, inverse, with the ticks below the line.
#[derive(Clone, Copy, Debug)]
struct Fast {
    initial: i128,
    maintenance: i128,
    per_lot: i128,
    den: i128,
    is_inverse: bool,
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.saturating_abs(), b.saturating_abs());
    while b != 0 {
        (a, b) = (b, a.checked_rem(b).unwrap_or(0));
    }
    a
}

impl Fast {
    fn new(instrument: &Instrument, model: &Model, settle_decimals: u32) -> Option<Self> {
        let Model::Tiered { initial, maintenance, per_unit } = model else { return None };
        if !matches!(instrument.kind, InstrumentKind::Perpetual | InstrumentKind::Future) {
            return None;
        }
        let steps = pow10(STEP_DECIMALS)?;
        let lot = i128::from(instrument.lot_size).checked_mul(i128::from(instrument.contract_multiplier))?;
        let lot = lot.checked_div(steps)?;
        let (scale, tick) = (pow10(settle_decimals)?, i128::from(instrument.tick_size));
        let is_inverse = instrument.style == Style::Inverse;
        // Settlement base units of a lot at one tick, over `below`.
        let (above, below) = if is_inverse {
            (lot.checked_mul(scale)?, tick)
        } else {
            (lot.checked_mul(tick)?, steps.checked_mul(steps)?)
        };
        let (above, below) = if is_inverse {
            let of = gcd(above, below).max(1);
            (above.checked_div(of)?, below.checked_div(of)?)
        } else {
            let of = gcd(above, below).max(1);
            let (above, below) = (above.checked_div(of)?, below.checked_div(of)?);
            let of = gcd(scale, below).max(1);
            (above.checked_mul(scale.checked_div(of)?)?, below.checked_div(of)?)
        };
        let of = gcd(lot, steps).max(1);
        let (unit, unit_den) = (lot.checked_div(of)?, steps.checked_div(of)?);
        let one = pow10(18)?.checked_mul(unit_den)?;
        let part = |rate: i128| rate.checked_mul(unit_den);
        let (initial, maintenance) = (part(initial.get())?, part(maintenance.get())?);
        let per_lot = per_unit.get().checked_mul(unit)?;
        let of = gcd(gcd(initial, maintenance), gcd(per_lot, one)).max(1);
        let with = |rate: i128| rate.checked_div(of)?.checked_mul(above);
        let (initial, maintenance, per_lot) = (with(initial)?, with(maintenance)?, with(per_lot)?);
        let den = one.checked_div(of)?.checked_mul(below)?;
        let of = gcd(gcd(initial, maintenance), gcd(per_lot, den)).max(1);
        let least = |value: i128| value.checked_div(of);
        Some(Self {
            initial: least(initial)?,
            maintenance: least(maintenance)?,
            per_lot: least(per_lot)?,
            den: least(den)?,
            is_inverse,
        })
    }

    fn requirement(&self, lots: i128, mark: i128) -> Option<Requirement> {
        let growth = self.per_lot.checked_mul(lots)?;
        let (lots, den) = if self.is_inverse {
            (lots, self.den.checked_mul(mark).filter(|den| *den > 0)?)
        } else {
            (lots.checked_mul(mark.checked_abs()?)?, self.den)
        };
        let amount = |base: i128| base.checked_add(growth).map(|rate| mul_div(lots, rate, den, Rounding::Ceil));
        let (initial, maintenance) = (amount(self.initial)?, amount(self.maintenance)?);
        Some(Requirement { initial: Amount::new(initial), maintenance: Amount::new(maintenance) })
    }
}

impl Rule {
    pub(crate) fn new(of: &ContractTerms, settle_decimals: u32) -> Self {
        let terms = Terms::of(&of.instrument, settle_decimals);
        let fast = of.margin.as_ref().and_then(|model| Fast::new(&of.instrument, model, settle_decimals));
        let tick = of.instrument.tick_size.into();
        Self { terms, model: of.margin.clone(), fast, tick, kind: of.instrument.kind, payoff: None }
    }

    /// Whether margin has a say: of a program always.
    pub(crate) const fn is_on(&self) -> bool {
        self.model.is_some() || matches!(self.kind, InstrumentKind::Program)
    }

    /// What a program's scenarios say.
    pub(crate) const fn set_payoff(&mut self, payoff: Option<PayoffRule>) {
        self.payoff = payoff;
    }

    /// What so many lots need. `None` where a price is missing or a number does not fit.
    pub(crate) fn requirement(&self, lots: i64, mark: Option<Price>, index: Option<i128>) -> Option<Requirement> {
        if self.kind == InstrumentKind::Program && lots != 0 {
            let (initial, maintenance) = self.payoff?.requirement(lots, mark);
            return Some(Requirement { initial: Amount::new(initial), maintenance: Amount::new(maintenance) });
        }
        let Some(model) = &self.model else { return Some(Requirement::default()) };
        if lots == 0 || self.kind == InstrumentKind::Spot {
            return Some(Requirement::default());
        }
        if let Some(fast) = &self.fast {
            return fast.requirement(i128::from(lots).abs(), mark?.get().into());
        }
        let step = |step: i128| step.checked_mul(RATE_PER_STEP).map(Rate::new);
        // A binary's and a long option's need no price.
        let mark = mark.map_or(Some(0), |mark| i128::from(mark.get()).checked_mul(self.tick))?;
        let quotes = Quotes { mark: step(mark)?, index: step(index.unwrap_or(0))?, forward: None };
        self.terms.as_ref()?.requirement(model, lots, &quotes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{inverse, linear, tiered};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fast_way_asks_what_margin_asks(
            lots in -2_000_000i64..2_000_000, ticks in 1i64..400_000, is_inverse: bool,
            initial in 0i128..1000, per_unit in 0i128..100,
        ) {
            let (instrument, decimals) = if is_inverse { (inverse(0), 8) } else { (linear(0), 6) };
            let model = tiered(&format!("0.{initial:04}"), "0.005", &format!("0.0000{per_unit:02}"));
            let terms = ContractTerms { margin: Some(model.clone()), ..crate::testing::terms(instrument.clone()) };
            let rule = Rule::new(&terms, decimals);
            prop_assert!(rule.fast.is_some());
            let mark = Rate::new(i128::from(ticks) * i128::from(instrument.tick_size) * RATE_PER_STEP);
            let quotes = Quotes { mark, index: mark, forward: None };
            let slow = Terms::of(&instrument, decimals).unwrap().requirement(&model, lots, &quotes).unwrap();
            prop_assert_eq!(rule.requirement(lots, Some(Price::new(ticks)), None), Some(slow));
        }
    }
}
