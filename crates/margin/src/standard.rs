//! Standard margin: one instrument at a time, from parameters.
//!
//! Deribit's and OKX's published forms are two shapes with numbers in them ([`Model`]), never branches by venue. All is
//! exact until the requirement is rounded up, once, to a base unit of the settlement asset. A long option owes nothing
//! (its premium is paid), a short binary owes what it may have to pay.

use serde::{Deserialize, Serialize};
use tiderace_types::instrument::{STEP_DECIMALS, pow10};
use tiderace_types::{Amount, Instrument, InstrumentKind, PutOrCall, Rate, Rounding, Style};

use crate::exact::mul_div;
use crate::factor::{self, Factor};

/// Rules and parameters of one instrument, as they stand in a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case", deny_unknown_fields)]
pub enum Model {
    /// Rate = base + `per_unit` x |qty x `contract_multiplier`|, on notional at the mark.
    Tiered {
        /// Initial rate of a position of no size.
        initial: Factor,
        /// Maintenance rate of a position of no size.
        maintenance: Factor,
        /// What both grow by with each unit.
        #[serde(default)]
        per_unit: Factor,
    },
    /// Short options by moneyness.
    Option {
        /// Share of the underlying before the out-of-the-money amount is taken off.
        rate: Factor,
        /// Share of the underlying that the initial requirement never goes below.
        floor: Factor,
        /// Share of the underlying for maintenance.
        maintenance: Factor,
        /// A put's maintenance is at least this share of its mark.
        #[serde(default)]
        put_maintenance_of_mark: Factor,
        /// For whom the initial requirement is at least the maintenance requirement.
        #[serde(default)]
        initial_at_least_maintenance: AtLeast,
        /// Scales what comes on top of the mark.
        #[serde(default = "Factor::one")]
        factor: Factor,
        /// What the underlying is counted in.
        #[serde(default)]
        unit: Unit,
        /// What the strike is compared with.
        #[serde(default)]
        otm_of: OtmOf,
    },
}

impl Model {
    /// The name of the first parameter below zero: no requirement is.
    #[must_use]
    pub fn below_zero(&self) -> Option<&'static str> {
        let all = match self {
            Self::Tiered { initial, maintenance, per_unit } => {
                vec![("initial", initial), ("maintenance", maintenance), ("per_unit", per_unit)]
            }
            Self::Option { rate, floor, maintenance, put_maintenance_of_mark, factor, .. } => vec![
                ("rate", rate),
                ("floor", floor),
                ("maintenance", maintenance),
                ("put_maintenance_of_mark", put_maintenance_of_mark),
                ("factor", factor),
            ],
        };
        all.into_iter().find(|(_, factor)| **factor < Factor::ZERO).map(|(name, _)| name)
    }
}

/// Kinds of options that a floor holds for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtLeast {
    /// For none.
    #[default]
    None,
    /// For puts.
    Put,
    /// For calls.
    Call,
    /// For both.
    Both,
}

/// Unit of an option's price and margin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The settlement asset: the underlying is worth its price.
    #[default]
    Settle,
    /// The underlying itself, which is worth 1; out-of-the-money amounts are divided by its price.
    Coin,
}

/// Price that says how far an option is out of the money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtmOf {
    /// The index.
    #[default]
    Index,
    /// The forward of the option's maturity, where it is known; else the index.
    Forward,
}

/// What a position needs, in base units of its settlement asset; neither is below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// To open.
    pub initial: Amount,
    /// To keep.
    pub maintenance: Amount,
}

/// Prices that margin is taken at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotes {
    /// Of the instrument: per unit of exposure in the quote asset, an option's with [`Unit::Coin`] in the coin.
    pub mark: Rate,
    /// Of the underlying, in the quote asset.
    pub index: Rate,
    /// Of the underlying at the option's maturity, in the quote asset.
    pub forward: Option<Rate>,
}

/// What of an instrument margin needs, with the steps of ten taken out so that products stay small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    kind: InstrumentKind,
    is_inverse: bool,
    /// Base (inverse: quote) per lot: a whole number of 10^-`unit_digits`.
    unit: i128,
    unit_digits: u32,
    settle_decimals: u32,
    strike: Option<Rate>,
    is_call: bool,
}

/// A whole number of 10^-`digits` with fewer or no trailing zeros: halving steps, since this is on the way of every fill.
fn trimmed(value: i128, digits: u32) -> (i128, u32) {
    const STEPS: [(u32, i128); 5] = [(16, 10_i128.pow(16)), (8, 100_000_000), (4, 10_000), (2, 100), (1, 10)];
    let (mut value, mut digits) = (value, digits);
    for (step, power) in STEPS {
        if digits < step {
            continue;
        }
        // One division for both: the rest is what the quotient leaves.
        let quotient = value.checked_div(power).unwrap_or(0);
        if quotient.wrapping_mul(power) == value {
            value = quotient;
            digits = digits.saturating_sub(step);
        }
    }
    (value, digits)
}

impl Terms {
    /// The terms of a checked instrument whose settlement asset has `settle_decimals`. `None` where they do not fit.
    #[must_use]
    pub fn of(instrument: &Instrument, settle_decimals: u32) -> Option<Self> {
        let product = i128::from(instrument.lot_size).checked_mul(i128::from(instrument.contract_multiplier))?;
        let (unit, unit_digits) = trimmed(product, STEP_DECIMALS.checked_mul(2)?);
        let strike = match instrument.strike_price {
            Some(strike) => Some(instrument.rate(strike)?),
            None => None,
        };
        Some(Self {
            kind: instrument.kind,
            // An option's price is in the settlement asset already: only its payoff is divided by the index.
            is_inverse: instrument.style == Style::Inverse && !is_option(instrument.kind),
            unit,
            unit_digits,
            settle_decimals,
            strike,
            is_call: instrument.put_or_call == Some(PutOrCall::Call),
        })
    }

    /// What `lots` (signed) of this need under `model`, rounded up. `None` where a number does not fit, a mark is below
    /// zero where it must not be, or an option has no strike.
    #[must_use]
    pub fn requirement(&self, model: &Model, lots: i64, quotes: &Quotes) -> Option<Requirement> {
        let size = i128::from(lots.unsigned_abs());
        if size == 0 || self.kind == InstrumentKind::Spot {
            return Some(Requirement::default());
        }
        if self.kind == InstrumentKind::Binary {
            let one = Factor::ONE.get();
            let payout = if lots > 0 { 0 } else { self.ratio(size, one, one, Rounding::Ceil)? };
            return Some(Requirement { initial: Amount::new(payout), maintenance: Amount::new(payout) });
        }
        match model {
            Model::Tiered { initial, maintenance, per_unit } => Some(Requirement {
                initial: self.tiered(size, *initial, *per_unit, quotes.mark)?,
                maintenance: self.tiered(size, *maintenance, *per_unit, quotes.mark)?,
            }),
            Model::Option { .. } if lots > 0 => Some(Requirement::default()),
            Model::Option { .. } => self.short_option(model, size, quotes),
        }
    }

    /// What `lots` (not below zero) at `price` are worth in base units of the settlement asset. `None` where it does not
    /// fit, or an inverse contract has a price that is not above zero.
    #[must_use]
    pub fn value(&self, lots: i128, price: Rate, rounding: Rounding) -> Option<i128> {
        let one = Factor::ONE.get();
        let (value, per) = if self.is_inverse { (one, price.get()) } else { (price.get(), one) };
        self.ratio(lots, value, per, rounding)
    }

    /// By how much the value of `lots` differs between two prices, in base units, not below zero.
    pub(crate) fn difference(&self, lots: i128, one: Rate, other: Rate, rounding: Rounding) -> Option<i128> {
        let gap = Rate::new(one.get().checked_sub(other.get())?.checked_abs()?);
        if !self.is_inverse {
            return self.value(lots, gap, rounding);
        }
        let opposite = match rounding {
            Rounding::Floor => Rounding::Ceil,
            Rounding::Ceil => Rounding::Floor,
        };
        let (high, low) = (one.max(other), one.min(other));
        let gap = self.value(lots, low, rounding)?.checked_sub(self.value(lots, high, opposite)?)?;
        Some(gap.max(0))
    }

    fn tiered(&self, size: i128, base: Factor, per_unit: Factor, mark: Rate) -> Option<Amount> {
        let units = size.checked_mul(self.unit)?;
        // rate = (base x 10^unit_digits + per_unit x units), a whole number of 10^-(18 + unit_digits): exact.
        let scale = pow10(self.unit_digits)?;
        let rate = base.get().checked_mul(scale)?.checked_add(per_unit.get().checked_mul(units)?)?;
        let (rate, digits) = trimmed(rate, factor::DECIMALS.checked_add(self.unit_digits)?);
        let (mark, mark_digits) = trimmed(mark.get().checked_abs()?, factor::DECIMALS);
        let digits = digits.checked_add(self.unit_digits)?;
        let (numerator, denominator, digits) = if self.is_inverse {
            // units / (mark x 10^-mark_digits)
            (units.checked_mul(pow10(mark_digits)?)?, mark, digits)
        } else {
            (units.checked_mul(mark)?, 1, digits.checked_add(mark_digits)?)
        };
        let up = pow10(self.settle_decimals.saturating_sub(digits))?;
        let down = pow10(digits.saturating_sub(self.settle_decimals))?;
        mul_div(numerator.checked_mul(up)?, rate, denominator.checked_mul(down)?, Rounding::Ceil).map(Amount::new)
    }

    fn short_option(&self, model: &Model, size: i128, quotes: &Quotes) -> Option<Requirement> {
        let Model::Option {
            rate,
            floor,
            maintenance,
            put_maintenance_of_mark,
            initial_at_least_maintenance,
            factor,
            unit,
            otm_of,
        } = model
        else {
            return None;
        };
        let forward = quotes.forward.filter(|_| *otm_of == OtmOf::Forward);
        let reference = forward.unwrap_or(quotes.index).get();
        let strike = self.strike?.get();
        let otm = if self.is_call { strike.checked_sub(reference)? } else { reference.checked_sub(strike)? }.max(0);
        let mark = quotes.mark.get().max(0);
        // In coin every term is multiplied by the reference, which is taken out again at the last division.
        let (underlying, per) = match unit {
            Unit::Settle => (quotes.index.get(), Factor::ONE.get()),
            Unit::Coin => (reference, reference),
        };
        if underlying <= 0 {
            return None;
        }
        let up = |share: Factor, of: i128| share.of(of, Rounding::Ceil);
        let mark = mul_div(mark, per, Factor::ONE.get(), Rounding::Ceil)?;
        let least = up(*factor, up(*floor, underlying)?)?;
        let initial = up(*factor, up(*rate, underlying)?.checked_sub(otm)?)?.max(least).checked_add(mark)?;
        let maintenance = up(*factor, up(*maintenance, underlying)?)?;
        let maintenance = if self.is_call { maintenance } else { maintenance.max(up(*put_maintenance_of_mark, mark)?) };
        let maintenance = maintenance.checked_add(mark)?;
        let is_floored = match initial_at_least_maintenance {
            AtLeast::None => false,
            AtLeast::Put => !self.is_call,
            AtLeast::Call => self.is_call,
            AtLeast::Both => true,
        };
        let initial = if is_floored { initial.max(maintenance) } else { initial }.max(0);
        let amount = |value: i128| self.ratio(size, value, per, Rounding::Ceil).map(Amount::new);
        Some(Requirement { initial: amount(initial)?, maintenance: amount(maintenance.max(0))? })
    }

    /// `lots` x unit x `value` / `per` in base units, rounded once.
    fn ratio(&self, lots: i128, value: i128, per: i128, rounding: Rounding) -> Option<i128> {
        let units = lots.checked_mul(self.unit)?;
        let up = pow10(self.settle_decimals.saturating_sub(self.unit_digits))?;
        let down = pow10(self.unit_digits.saturating_sub(self.settle_decimals))?;
        let (value, digits) = trimmed(value, factor::DECIMALS);
        let (per, per_digits) = trimmed(per, factor::DECIMALS);
        let (value, per) = (value.checked_mul(pow10(per_digits)?)?, per.checked_mul(pow10(digits)?)?);
        mul_div(units.checked_mul(up)?, value, per.checked_mul(down)?, rounding)
    }

    /// Whether opening it pays a premium instead of putting a notional at risk.
    pub(crate) const fn is_paid(&self) -> bool {
        is_option(self.kind)
    }
}

const fn is_option(kind: InstrumentKind) -> bool {
    match kind {
        InstrumentKind::Option | InstrumentKind::Binary => true,
        InstrumentKind::Spot | InstrumentKind::Perpetual | InstrumentKind::Future | InstrumentKind::Program => false,
    }
}
