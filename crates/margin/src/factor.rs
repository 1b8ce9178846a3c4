//! Parameters as exact decimals.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tiderace_types::num::div_round;
use tiderace_types::{DecimalError, Rate, Rounding, decimal};

use crate::exact::mul_div;

/// Digits after the point that a parameter keeps.
pub const DECIMALS: u32 = 18;

/// A parameter in 10^-18, written as decimal text (`"0.15"`) wherever it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Factor(i128);

impl Factor {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// One whole.
    pub const ONE: Self = Self(1_000_000_000_000_000_000);

    /// Wraps a number of 10^-18.
    #[must_use]
    pub const fn new(value: i128) -> Self {
        Self(value)
    }
    /// The number of 10^-18.
    #[must_use]
    pub const fn get(self) -> i128 {
        self.0
    }
    /// Reads decimal text.
    ///
    /// # Errors
    /// [`DecimalError`], when it is no decimal or has more than 18 digits after the point.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        decimal::parse(text, DECIMALS).map(Self)
    }
    /// `value` times this, rounded once. `None` where it does not fit.
    #[must_use]
    pub fn of(self, value: i128, rounding: Rounding) -> Option<i128> {
        if let Some(product) = value.checked_mul(self.0) {
            return div_round(product, Self::ONE.0, rounding);
        }
        // Whole and rest by themselves: nothing but the rest is rounded.
        let (whole, rest) = (value.div_euclid(Self::ONE.0), value.rem_euclid(Self::ONE.0));
        let part = mul_div(rest, self.0, Self::ONE.0, rounding)?;
        whole.checked_mul(self.0)?.checked_add(part)
    }
    /// The same number as a [`Rate`], for `model`.
    #[must_use]
    pub const fn rate(self) -> Rate {
        Rate::new(self.0)
    }
    /// One: what a parameter that is left out may stand for.
    pub(crate) const fn one() -> Self {
        Self::ONE
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal::format(self.0, DECIMALS))
    }
}

impl Serialize for Factor {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Factor {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        Self::parse(&text).map_err(|error| serde::de::Error::custom(format_args!("{text:?} {error}")))
    }
}
