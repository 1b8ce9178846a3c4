//! What the user declares about venues' costs.

use serde::{Deserialize, Serialize};
use tiderace_types::Fraction;

/// Costs of one instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VenueCost {
    /// Fee on taking, of the notional; within plus or minus one.
    pub taker_fee: Fraction,
    /// Fee on making, of the notional; negative is a rebate; within plus or minus one.
    pub maker_fee: Fraction,
    /// Funding of one interval, of the notional; a long pays when positive.
    pub funding_rate: Fraction,
    /// Length of a funding interval; zero where there is no funding.
    pub funding_interval_ns: i64,
    /// Declared worth of one unit of the quote asset in the common currency, above zero.
    pub quote_rate: Fraction,
}

/// What the router is told at genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// How long a position is expected to be held, for funding.
    pub holding_ns: i64,
    /// Costs by instrument, in genesis order.
    pub costs: Vec<VenueCost>,
}

/// Why a config is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteConfigError {
    /// The holding time is below zero.
    NegativeHolding(i64),
    /// There is not one cost an instrument.
    WrongLength {
        /// Costs given.
        costs: usize,
        /// Instruments in the genesis table.
        instruments: usize,
    },
    /// A fee is a whole notional or more.
    FeeTooLarge {
        /// Row in the genesis table.
        instrument: usize,
        /// The fee.
        fee: Fraction,
    },
    /// A funding interval is below zero.
    NegativeInterval {
        /// Row in the genesis table.
        instrument: usize,
    },
    /// A quote rate is not above zero.
    QuoteRateNotPositive {
        /// Row in the genesis table.
        instrument: usize,
    },
}

impl core::fmt::Display for RouteConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::NegativeHolding(ns) => write!(f, "holding_ns is {ns}; it must not be below zero"),
            Self::WrongLength { costs, instruments } => {
                write!(f, "{costs} venue costs for {instruments} instruments; give one an instrument")
            }
            Self::FeeTooLarge { instrument, fee } => {
                write!(f, "a fee of instrument {instrument} is {}e-9; it must be within plus or minus one", fee.get())
            }
            Self::NegativeInterval { instrument } => {
                write!(f, "funding_interval_ns of instrument {instrument} must not be below zero")
            }
            Self::QuoteRateNotPositive { instrument } => {
                write!(f, "quote_rate of instrument {instrument} must be above zero")
            }
        }
    }
}

impl std::error::Error for RouteConfigError {}

impl RouteConfig {
    /// Checks the ranges, with one cost for each of `instruments`.
    ///
    /// # Errors
    /// [`RouteConfigError`].
    pub fn check(&self, instruments: usize) -> Result<(), RouteConfigError> {
        if self.holding_ns < 0 {
            return Err(RouteConfigError::NegativeHolding(self.holding_ns));
        }
        if self.costs.len() != instruments {
            return Err(RouteConfigError::WrongLength { costs: self.costs.len(), instruments });
        }
        self.costs.iter().enumerate().try_for_each(|(instrument, cost)| cost.check(instrument))
    }
}

impl VenueCost {
    fn check(&self, instrument: usize) -> Result<(), RouteConfigError> {
        let one = Fraction::ONE.get().unsigned_abs();
        for fee in [self.taker_fee, self.maker_fee] {
            // A fee of a whole notional would let a dearer price cost less, and levels would come in the wrong order.
            if fee.get().unsigned_abs() >= one {
                return Err(RouteConfigError::FeeTooLarge { instrument, fee });
            }
        }
        if self.funding_interval_ns < 0 {
            return Err(RouteConfigError::NegativeInterval { instrument });
        }
        if self.quote_rate <= Fraction::ZERO {
            return Err(RouteConfigError::QuoteRateNotPositive { instrument });
        }
        Ok(())
    }
}
