//! The limits, as the genesis holds them.

use serde::{Deserialize, Serialize};
use tiderace_types::{AccountId, Amount, AssetId, Fraction, Instrument, Qty};

/// Limits of the desk. A limit of zero is refused except where "zero: off" is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskConfig {
    /// The desk's account: whose balances count, and whom a kill of an account concerns.
    pub account: AccountId,
    /// A limit price strays from the mid by no more than this share of it.
    pub collar: Fraction,
    /// Most orders working at once.
    pub max_open_orders: u32,
    /// Largest exposure of a base asset over all its instruments, at most one an asset. None: off.
    pub max_total_position: Vec<TotalLimit>,
    /// Most orders, replaces and cancels in a window; cancels are counted and never held back. Zero: off.
    pub max_messages: u32,
    /// Nanoseconds of that window.
    pub message_window_ns: i64,
    /// Nanoseconds in which the same instrument, side, quantity and price is not sent again. Zero: off.
    pub duplicate_window_ns: i64,
    /// Fills of one strategy in a window that stop it until a person re-enables it. Zero: off.
    pub max_executions: u32,
    /// Nanoseconds of that window.
    pub execution_window_ns: i64,
    /// Whether spot orders need balance, and derivatives margin. An asset whose balance was never set is at zero.
    pub needs_funds: bool,
    /// Limits by instrument, in id order.
    pub instruments: Vec<InstrumentLimits>,
}

/// Largest exposure of one base asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalLimit {
    /// The base asset.
    pub asset: AssetId,
    /// Position and open orders of all its instruments together, in its base units.
    pub max_position: Amount,
}

/// Limits of one instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentLimits {
    /// Largest order in lots.
    pub max_order_qty: Qty,
    /// Largest order value in base units of the quote asset.
    pub max_order_value: Amount,
    /// Largest exposure, position and open orders together, in base units of the base asset.
    pub max_position: Amount,
    /// Share of the notional that a derivative needs as margin; unused for spot.
    pub initial_margin: Fraction,
    /// Share of the notional (inverse: of the exposure) that an order's fee may come to: the larger of the declared taker
    /// and maker fee, zero where both are below. It is claimed with the order, but for a spot sale, whose proceeds pay it.
    pub fee: Fraction,
}

/// Why limits are not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A limit is below its least value.
    TooLow {
        /// The key.
        key: &'static str,
        /// Its value.
        value: i128,
        /// The least that is allowed.
        least: i128,
    },
    /// There is not one set of limits an instrument.
    InstrumentCount {
        /// Sets of limits.
        limits: usize,
        /// Instruments.
        instruments: usize,
    },
    /// A total limit names an asset twice, or one that is no instrument's base.
    TotalAsset(AssetId),
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooLow { key, value, least } => write!(f, "risk.{key} is {value}; it must be at least {least}"),
            Self::InstrumentCount { limits, instruments } => {
                write!(f, "risk.instruments has {limits} entries for {instruments} instruments; give one for each")
            }
            Self::TotalAsset(asset) => {
                write!(f, "risk.max_total_position names asset {}; name each base asset at most once", asset.0)
            }
        }
    }
}

impl std::error::Error for ConfigError {}

impl RiskConfig {
    /// Checks that the limits can be enforced.
    ///
    /// # Errors
    /// [`ConfigError`], for the first key that is out of range.
    pub fn check(&self, instruments: &[Instrument]) -> Result<(), ConfigError> {
        if self.instruments.len() != instruments.len() {
            let limits = self.instruments.len();
            return Err(ConfigError::InstrumentCount { limits, instruments: instruments.len() });
        }
        at_least("collar", self.collar.get(), 1)?;
        at_least("max_open_orders", self.max_open_orders, 1)?;
        for (row, limit) in self.max_total_position.iter().enumerate() {
            at_least("max_total_position.max_position", limit.max_position.get(), 1)?;
            let is_again = self.max_total_position.iter().take(row).any(|before| before.asset == limit.asset);
            if is_again || !instruments.iter().any(|instrument| instrument.base == limit.asset) {
                return Err(ConfigError::TotalAsset(limit.asset));
            }
        }
        at_least("message_window_ns", self.message_window_ns, i64::from(self.max_messages > 0))?;
        at_least("duplicate_window_ns", self.duplicate_window_ns, 0)?;
        at_least("execution_window_ns", self.execution_window_ns, i64::from(self.max_executions > 0))?;
        for (limits, instrument) in self.instruments.iter().zip(instruments) {
            let is_spot = instrument.kind == tiderace_types::InstrumentKind::Spot;
            at_least("instruments.max_order_qty", limits.max_order_qty.get(), 1)?;
            at_least("instruments.max_order_value", limits.max_order_value.get(), 1)?;
            at_least("instruments.max_position", limits.max_position.get(), 1)?;
            at_least(
                "instruments.initial_margin",
                limits.initial_margin.get(),
                i64::from(self.needs_funds && !is_spot),
            )?;
            at_least("instruments.fee", limits.fee.get(), 0)?;
        }
        Ok(())
    }
}

fn at_least<T: Into<i128>>(key: &'static str, value: T, least: T) -> Result<(), ConfigError> {
    let (value, least) = (value.into(), least.into());
    if value < least { Err(ConfigError::TooLow { key, value, least }) } else { Ok(()) }
}
