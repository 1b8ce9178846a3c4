//! Risk arrays: what one lot of each product is worth in each scenario, as `model` computed it.
//!
//! One [`RiskArrays`] holds all products of one underlying with one settlement asset, under one set of parameters. All
//! its numbers are in 10^-12 of the settlement asset ([`DECIMALS`]), whatever that asset's own decimals are. A leg's row
//! holds, in this order: the scenarios, the unshocked value, and the rise and the fall of the forward contingency. An
//! option's entries are values (an expiry's shocked value is what is discounted), a perpetual's or a future's are profit
//! and loss against its mark. Legs are ordered by what they net in: perpetuals, then by expiry options before futures.

use core::fmt;

use tiderace_types::{Amount, InstrumentId, Rate, Rounding};

use crate::factor::Factor;
use crate::params::{Params, ParamsError};
use crate::standard::Terms;

/// Digits after the point of every number in a risk array.
pub const DECIMALS: u32 = 12;
/// Entries of a row beyond the scenarios: unshocked, rise, fall.
pub const EXTRA: usize = 3;
/// No entry is larger; sums then fit an `i128` whatever is held ([`LOTS_MAX`], [`LEGS_MAX`]).
pub const ENTRY_MAX: i64 = 1 << 60;
/// Most lots of a leg, either way.
pub const LOTS_MAX: i64 = 1 << 40;
/// Most legs.
pub const LEGS_MAX: usize = 1 << 12;
/// Bits after the point of a [`Scale`].
pub const SCALE_BITS: u32 = 40;

/// A multiplier in 2^-40, for what is multiplied often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale(i64);

impl Scale {
    /// One whole.
    pub const ONE: Self = Self(1 << SCALE_BITS);

    /// Wraps a number of 2^-40; `None` below zero or at 64 or more.
    #[must_use]
    pub const fn new(value: i64) -> Option<Self> {
        if value < 0 || value >= 1 << (SCALE_BITS + 6) { None } else { Some(Self(value)) }
    }
    /// A parameter, rounded as told. `None` below zero or at 64 or more.
    #[must_use]
    pub fn of(factor: Factor, rounding: Rounding) -> Option<Self> {
        let value = factor.of(1_i128.checked_shl(SCALE_BITS)?, rounding)?;
        i64::try_from(value).ok().and_then(Self::new)
    }
    /// `value` times this, rounded down. No overflow: sums of arrays stay below 2^112, discounted below 2^118.
    pub(crate) fn times(self, value: i128) -> i128 {
        if self == Self::ONE {
            return value;
        }
        let (whole, part) = (value >> SCALE_BITS, value & ((1 << SCALE_BITS) - 1));
        let scale = i128::from(self.0);
        whole.wrapping_mul(scale).wrapping_add(part.wrapping_mul(scale) >> SCALE_BITS)
    }
}

/// How a leg nets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LegKind {
    /// Beside all expiries.
    Perpetual,
    /// An option or a binary of an expiry.
    Option {
        /// Index of the expiry.
        expiry: u16,
    },
    /// A future of an expiry.
    Future {
        /// Index of the expiry.
        expiry: u16,
    },
}

/// One maturity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// When.
    pub maturity_ns: i64,
    /// What a positive shocked value counts for; rounded down.
    pub long: Scale,
    /// What a negative one counts for; rounded up.
    pub short: Scale,
    /// Share of the forward contingency (`add` + `mult` t); rounded up.
    pub forward: Scale,
}

/// One product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Which.
    pub instrument: InstrumentId,
    /// Where it nets.
    pub kind: LegKind,
    /// Index notional of a lot, in 10^-12, for contingencies.
    pub notional: i64,
    /// The option of the other kind at the same strike and expiry with the same size, where there is one: an index.
    pub pair: Option<u32>,
    /// Its terms with a settlement asset of [`DECIMALS`] decimals.
    pub terms: Terms,
    /// Its mark; of no use for options.
    pub mark: Rate,
}

/// Why arrays are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArraysError {
    /// The parameters are.
    Params(ParamsError),
    /// More than [`LEGS_MAX`].
    Legs(usize),
    /// A leg of this index has a row of the wrong length, an entry beyond [`ENTRY_MAX`], an unknown expiry, a pair that
    /// does not name it back, or stands before a leg that it should follow.
    Leg(usize),
}

impl fmt::Display for ArraysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Params(error) => write!(f, "{error}"),
            Self::Legs(count) => write!(f, "{count} legs; there are at most {LEGS_MAX}"),
            Self::Leg(index) => write!(f, "leg {index}: wrong row, order, expiry or pair"),
        }
    }
}

impl std::error::Error for ArraysError {}

/// One scenario, ready to be multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) is_skew: bool,
    /// Damping of a profit, rounded down, and of a loss, rounded up.
    damping: [Scale; 2],
}

impl Shape {
    pub(crate) fn damped(&self, pnl: i128) -> i128 {
        let [profit, loss] = self.damping;
        if pnl < 0 { loss.times(pnl) } else { profit.times(pnl) }
    }
}

/// The arrays of one underlying and settlement asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskArrays {
    params: Params,
    settle_decimals: u32,
    shapes: Vec<Shape>,
    expiries: Vec<Expiry>,
    legs: Vec<Leg>,
    rows: Vec<i64>,
    width: usize,
}

impl RiskArrays {
    /// Checks and keeps legs with their rows, one after the other.
    ///
    /// # Errors
    /// [`ArraysError`].
    pub fn new(
        params: &Params,
        settle_decimals: u32,
        expiries: Vec<Expiry>,
        legs: Vec<Leg>,
        rows: Vec<i64>,
    ) -> Result<Self, ArraysError> {
        params.check().map_err(ArraysError::Params)?;
        if legs.len() > LEGS_MAX {
            return Err(ArraysError::Legs(legs.len()));
        }
        let width = params.scenarios.len().saturating_add(EXTRA);
        let scale = |factor: Factor, rounding| Scale::of(factor, rounding);
        let shapes = params.scenarios.iter().map(|scenario| {
            let damping = [scale(scenario.damping, Rounding::Floor)?, scale(scenario.damping, Rounding::Ceil)?];
            Some(Shape { is_skew: scenario.is_skew(), damping })
        });
        let shapes: Option<Vec<Shape>> = shapes.collect();
        let shapes = shapes.ok_or(ArraysError::Params(ParamsError::OutOfRange("damping", Factor::ZERO)))?;
        let params = params.clone();
        let arrays = Self { params, settle_decimals, shapes, expiries, legs, rows, width };
        match (0..arrays.legs.len()).find(|index| !arrays.is_sound(*index)) {
            Some(index) => Err(ArraysError::Leg(index)),
            None if arrays.rows.len() != arrays.legs.len().saturating_mul(width) => {
                Err(ArraysError::Leg(arrays.legs.len()))
            }
            None => Ok(arrays),
        }
    }

    fn is_sound(&self, index: usize) -> bool {
        let Some(leg) = self.legs.get(index) else { return false };
        let is_known = match leg.kind {
            LegKind::Perpetual => true,
            LegKind::Option { expiry } | LegKind::Future { expiry } => usize::from(expiry) < self.expiries.len(),
        };
        let is_in_order =
            self.legs.get(index.saturating_add(1)).is_none_or(|next| leg.kind.group() <= next.kind.group());
        let is_paired = leg.pair.is_none_or(|pair| {
            let other = usize::try_from(pair).ok().and_then(|pair| self.legs.get(pair));
            other.is_some_and(|other| {
                other.pair.is_some_and(|back| usize::try_from(back) == Ok(index)) && other.kind == leg.kind
            })
        });
        let has_row =
            self.row(index).is_some_and(|row| row.iter().all(|entry| entry.unsigned_abs() <= ENTRY_MAX.unsigned_abs()));
        is_known && is_in_order && is_paired && has_row && (0..=ENTRY_MAX).contains(&leg.notional)
    }

    /// The parameters that the arrays were made under.
    #[must_use]
    pub const fn params(&self) -> &Params {
        &self.params
    }
    /// The legs, in order.
    #[must_use]
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }
    /// The maturities.
    #[must_use]
    pub fn expiries(&self) -> &[Expiry] {
        &self.expiries
    }
    /// Index of an instrument's leg. Linear: keep it.
    #[must_use]
    pub fn find(&self, instrument: InstrumentId) -> Option<u32> {
        let found = self.legs.iter().position(|leg| leg.instrument == instrument)?;
        u32::try_from(found).ok()
    }
    /// The row of a leg.
    #[must_use]
    pub fn row(&self, leg: usize) -> Option<&[i64]> {
        let start = leg.checked_mul(self.width)?;
        self.rows.get(start..start.checked_add(self.width)?)
    }
    /// Digits of a base unit of the settlement asset.
    #[must_use]
    pub const fn settle_decimals(&self) -> u32 {
        self.settle_decimals
    }
    pub(crate) fn shapes(&self) -> &[Shape] {
        &self.shapes
    }
    pub(crate) const fn width(&self) -> usize {
        self.width
    }
    pub(crate) fn rows(&self) -> &[i64] {
        &self.rows
    }
    /// A number of 10^-12 in base units of the settlement asset, rounded as told.
    pub(crate) fn base_units(&self, value: i128, rounding: Rounding) -> Option<Amount> {
        tiderace_types::instrument::rescale(value, DECIMALS, self.settle_decimals, rounding).map(Amount::new)
    }
}

impl LegKind {
    /// What it nets in: perpetuals, then two groups an expiry.
    pub(crate) fn group(self) -> usize {
        match self {
            Self::Perpetual => 0,
            Self::Option { expiry } => usize::from(expiry).saturating_mul(2).saturating_add(1),
            Self::Future { expiry } => usize::from(expiry).saturating_mul(2).saturating_add(2),
        }
    }
}
