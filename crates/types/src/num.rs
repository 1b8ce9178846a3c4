//! Numbers with units. Every operation is checked; every division names its rounding.

use serde::{Deserialize, Serialize};

/// How a division that does not come out even is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Towards minus infinity.
    Floor,
    /// Towards plus infinity.
    Ceil,
}

/// Divides, settling the remainder as `rounding` says. `None` when `divisor` is zero or the quotient overflows.
pub const fn div_round(value: i128, divisor: i128, rounding: Rounding) -> Option<i128> {
    let (Some(quotient), Some(rest)) = (value.checked_div(divisor), value.checked_rem(divisor)) else {
        return None;
    };
    let is_negative = (rest < 0) != (divisor < 0);
    match rounding {
        Rounding::Floor if rest != 0 && is_negative => quotient.checked_sub(1),
        Rounding::Ceil if rest != 0 && !is_negative => quotient.checked_add(1),
        Rounding::Floor | Rounding::Ceil => Some(quotient),
    }
}

macro_rules! number {
    ($(#[$meta:meta])* $name:ident($(#[$of_inner:meta])* $inner:ty)) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[repr(transparent)]
        pub struct $name($(#[$of_inner])* $inner);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(0);
            /// The largest value.
            pub const MAX: Self = Self(<$inner>::MAX);
            /// The whole number inside, in this type's unit.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }
            /// Sum, or `None` on overflow.
            #[must_use]
            pub const fn checked_add(self, other: Self) -> Option<Self> {
                match self.0.checked_add(other.0) {
                    Some(sum) => Self::checked(sum),
                    None => None,
                }
            }
            /// Difference, or `None` on overflow or outside this type's range.
            #[must_use]
            pub const fn checked_sub(self, other: Self) -> Option<Self> {
                match self.0.checked_sub(other.0) {
                    Some(difference) => Self::checked(difference),
                    None => None,
                }
            }
        }
    };
}

macro_rules! signed {
    ($name:ident($inner:ty)) => {
        impl $name {
            /// The smallest value.
            pub const MIN: Self = Self(<$inner>::MIN);
            /// Wraps a whole number of this type's unit.
            #[must_use]
            pub const fn new(value: $inner) -> Self {
                Self(value)
            }
            const fn checked(value: $inner) -> Option<Self> {
                Some(Self(value))
            }
            /// Negation, or `None` on overflow.
            #[must_use]
            pub const fn checked_neg(self) -> Option<Self> {
                match self.0.checked_neg() {
                    Some(value) => Some(Self(value)),
                    None => None,
                }
            }
        }
    };
}

number! {
    /// A price in ticks of its instrument. May be negative (spreads).
    Price(i64)
}
signed!(Price(i64));

number! {
    /// A quantity in lots of its instrument, never negative; direction is [`crate::Side`].
    Qty(#[serde(deserialize_with = "not_negative")] i64)
}

fn not_negative<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let lots = i64::deserialize(from)?;
    let refused =
        || serde::de::Error::invalid_value(serde::de::Unexpected::Signed(lots), &"a quantity, never below zero");
    if lots < 0 { Err(refused()) } else { Ok(lots) }
}

impl Qty {
    /// Wraps a number of lots; `None` below zero.
    #[must_use]
    pub const fn new(lots: i64) -> Option<Self> {
        Self::checked(lots)
    }
    const fn checked(lots: i64) -> Option<Self> {
        if lots < 0 { None } else { Some(Self(lots)) }
    }
    /// The smaller of two.
    #[must_use]
    pub const fn min(self, other: Self) -> Self {
        if self.0 < other.0 { self } else { other }
    }
    /// Difference, zero where `other` is larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        if self.0 > other.0 { Self(self.0.saturating_sub(other.0)) } else { Self(0) }
    }
}

number! {
    /// An amount of an asset in the asset's base units (10^-decimals). Exposure is an `Amount` of the base asset.
    Amount(i128)
}
signed!(Amount(i128));

impl Amount {
    /// `self` times `fraction`, rounded as told. `None` on overflow.
    #[must_use]
    pub fn times(self, fraction: Fraction, rounding: Rounding) -> Option<Self> {
        let product = self.0.checked_mul(i128::from(fraction.0))?;
        div_round(product, i128::from(Fraction::ONE.0), rounding).map(Self)
    }
}

number! {
    /// A price per unit of exposure in a common currency, in 10^-18: what makes prices of unlike contracts comparable.
    Rate(i128)
}
signed!(Rate(i128));

impl Rate {
    /// Units in one: 10^18.
    pub const ONE: Self = Self(1_000_000_000_000_000_000);

    /// `self` times `fraction`, rounded as told. `None` on overflow.
    #[must_use]
    pub fn times(self, fraction: Fraction, rounding: Rounding) -> Option<Self> {
        let product = self.0.checked_mul(i128::from(fraction.0))?;
        div_round(product, i128::from(Fraction::ONE.0), rounding).map(Self)
    }
}

number! {
    /// A plain fraction in 10^-9: fees, limits, shares. 1 bp is 100 000.
    Fraction(i64)
}
signed!(Fraction(i64));

impl Fraction {
    /// One whole: 10^9.
    pub const ONE: Self = Self(1_000_000_000);
    /// Digits after the point that a fraction keeps.
    pub const DECIMALS: u32 = 9;
}

number! {
    /// A time: nanoseconds since 1970-01-01 00:00 UTC.
    Ts(i64)
}
signed!(Ts(i64));

impl Ts {
    /// This time moved by `ns` nanoseconds; stays at the ends of the range on overflow.
    #[must_use]
    pub const fn plus_ns(self, ns: i64) -> Self {
        Self(self.0.saturating_add(ns))
    }
    /// Nanoseconds from `earlier` to this time; stays at the ends of the range on overflow.
    #[must_use]
    pub const fn ns_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}
