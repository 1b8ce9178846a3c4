//! Instruments: what a tick and a lot are, and what a fill of them is worth.
//!
//! Steps are kept at 10^-12, so a BTC lot of 0.00001, a tick of 0.01 and an inverse contract of 100 USD are all exact.
//! Definitions are versioned: a change is a new version in the journal, never an edit.

use serde::{Deserialize, Serialize};

use crate::num::{Rounding, div_round};
use crate::{Amount, AssetId, DecimalError, InstrumentId, Price, PutOrCall, Qty, Rate, VenueId, decimal};

/// Digits after the point of tick size, lot size and contract multiplier.
pub const STEP_DECIMALS: u32 = 12;
const STEP_ONE: i128 = 1_000_000_000_000;
/// Digits after the point of a feed quantity.
pub const FEED_QTY_DECIMALS: u32 = 8;
const FEED_QTY_TO_STEP: i128 = 10_000;

/// An asset and the size of its base unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// Name, e.g. `BTC`.
    pub asset: String,
    /// Digits after the point of one base unit, 0 to 18.
    pub decimals: u32,
}

/// What kind of contract it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstrumentKind {
    /// Delivery now.
    Spot,
    /// No expiry; funding.
    Perpetual,
    /// Expires at `maturity_ns`.
    Future,
    /// European option.
    Option,
    /// Pays a fixed amount or nothing.
    Binary,
    /// Payoff by a program.
    Program,
}

/// How quantity and price make a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Notional = qty x multiplier x price, in the quote asset.
    Linear,
    /// A contract is `multiplier` of the quote asset; exposure = qty x multiplier / price, in the base asset.
    Inverse,
    /// Linear payoff paid in a third asset at a fixed rate.
    Quanto,
}

/// One version of an instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// Row in the genesis table.
    pub id: InstrumentId,
    /// Version of this definition, from 1.
    pub version: u32,
    /// Row of its venue.
    pub venue: VenueId,
    /// Name as the venue lists it.
    pub symbol: String,
    /// Kind.
    pub kind: InstrumentKind,
    /// Style.
    pub style: Style,
    /// Asset that exposure is counted in.
    pub base: AssetId,
    /// Asset that prices are quoted in.
    pub quote: AssetId,
    /// Asset that profit, margin and fees are paid in.
    pub settle: AssetId,
    /// Digits of a base unit of `base`.
    pub base_decimals: u32,
    /// Digits of a base unit of `quote`.
    pub quote_decimals: u32,
    /// Quote per tick, 10^-12, > 0.
    pub tick_size: i64,
    /// Contracts (spot: base) per lot, 10^-12, > 0.
    pub lot_size: i64,
    /// Base (inverse: quote) per contract, 10^-12, > 0.
    pub contract_multiplier: i64,
    /// Smallest order in lots.
    pub min_order_qty: Qty,
    /// Largest order in lots.
    pub max_order_qty: Qty,
    /// Smallest order value in quote base units.
    pub min_notional: Amount,
    /// Expiry (FIX 541), futures and options.
    pub maturity_ns: Option<i64>,
    /// Strike (FIX 202), options.
    pub strike_price: Option<Price>,
    /// Put or call (FIX 201), options.
    pub put_or_call: Option<PutOrCall>,
}

/// Why a definition or a conversion is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstrumentError {
    /// The text is not an exact decimal.
    Decimal(DecimalError),
    /// The price is not a whole number of ticks.
    OffTick {
        /// The price, 10^-12.
        value: i128,
        /// The tick, 10^-12.
        tick_size: i64,
    },
    /// The quantity is not a whole number of lots.
    OffLot {
        /// The quantity, 10^-12.
        value: i128,
        /// The lot, 10^-12.
        lot_size: i64,
    },
    /// The quantity is below zero.
    NegativeQty,
    /// The result does not fit.
    TooLarge,
    /// Tick, lot or multiplier is not above zero.
    StepNotPositive,
    /// Lot x multiplier is finer than 10^-12, or too large.
    LotTimesMultiplier,
    /// The minimum notional is below zero.
    NegativeMinNotional,
    /// The smallest order is larger than the largest.
    MinAboveMax,
    /// Profit of a linear contract is paid in its quote asset, of an inverse one in its base asset.
    Settlement,
    /// An asset's decimals are above 18.
    DecimalsAbove18,
    /// Options need maturity, strike and put_or_call; futures a maturity.
    MissingTerms,
}

impl core::fmt::Display for InstrumentError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let step = |value: i128| decimal::format(value, STEP_DECIMALS);
        match *self {
            Self::Decimal(error) => write!(f, "{error}"),
            Self::OffTick { value, tick_size } => {
                write!(f, "price {} is not a whole number of ticks of {}", step(value), step(tick_size.into()))
            }
            Self::OffLot { value, lot_size } => {
                write!(f, "quantity {} is not a whole number of lots of {}", step(value), step(lot_size.into()))
            }
            Self::NegativeQty => write!(f, "a quantity is never below zero; direction is the side"),
            Self::TooLarge => write!(f, "the value does not fit its integer"),
            Self::StepNotPositive => write!(f, "tick size, lot size and contract multiplier must be above zero"),
            Self::LotTimesMultiplier => write!(f, "lot size x contract multiplier must be exact at 12 digits"),
            Self::NegativeMinNotional => write!(f, "the minimum notional must not be below zero"),
            Self::MinAboveMax => write!(f, "min_order_qty must not be above max_order_qty"),
            Self::Settlement => {
                write!(f, "a linear contract settles in its quote asset, an inverse one in its base asset")
            }
            Self::DecimalsAbove18 => write!(f, "an asset has at most 18 decimals"),
            Self::MissingTerms => write!(f, "options need maturity, strike_price and put_or_call; futures a maturity"),
        }
    }
}

impl std::error::Error for InstrumentError {}

impl From<DecimalError> for InstrumentError {
    fn from(error: DecimalError) -> Self {
        Self::Decimal(error)
    }
}

impl Instrument {
    /// Checks that the definition can be computed with.
    ///
    /// # Errors
    /// [`InstrumentError`].
    pub fn check(&self) -> Result<(), InstrumentError> {
        if self.tick_size <= 0 || self.lot_size <= 0 || self.contract_multiplier <= 0 {
            return Err(InstrumentError::StepNotPositive);
        }
        if self.base_decimals > 18 || self.quote_decimals > 18 {
            return Err(InstrumentError::DecimalsAbove18);
        }
        if self.min_notional < Amount::ZERO {
            return Err(InstrumentError::NegativeMinNotional);
        }
        if self.min_order_qty > self.max_order_qty {
            return Err(InstrumentError::MinAboveMax);
        }
        let is_settled = match self.style {
            Style::Linear => self.settle == self.quote,
            Style::Inverse => self.settle == self.base,
            Style::Quanto => true,
        };
        if !is_settled {
            return Err(InstrumentError::Settlement);
        }
        let product = i128::from(self.lot_size) * i128::from(self.contract_multiplier);
        if product % STEP_ONE != 0 || i64::try_from(product / STEP_ONE).is_err() {
            return Err(InstrumentError::LotTimesMultiplier);
        }
        let has_maturity = self.maturity_ns.is_some();
        let has_option_terms = has_maturity && self.strike_price.is_some() && self.put_or_call.is_some();
        match self.kind {
            InstrumentKind::Option if !has_option_terms => Err(InstrumentError::MissingTerms),
            InstrumentKind::Future if !has_maturity => Err(InstrumentError::MissingTerms),
            InstrumentKind::Spot
            | InstrumentKind::Perpetual
            | InstrumentKind::Future
            | InstrumentKind::Option
            | InstrumentKind::Binary
            | InstrumentKind::Program => Ok(()),
        }
    }

    /// Base (inverse: quote) per lot, 10^-12.
    fn unit_per_lot(&self) -> i128 {
        i128::from(self.lot_size) * i128::from(self.contract_multiplier) / STEP_ONE
    }

    /// The price in quote, 10^-12.
    fn price_step(&self, price: Price) -> Option<i128> {
        i128::from(price.get()).checked_mul(i128::from(self.tick_size))
    }

    /// A decimal text in the quote unit, exactly on the tick grid.
    ///
    /// # Errors
    /// [`InstrumentError`].
    pub fn parse_price(&self, text: &str) -> Result<Price, InstrumentError> {
        let value = decimal::parse(text, STEP_DECIMALS)?;
        let tick_size = i128::from(self.tick_size);
        if value % tick_size != 0 {
            return Err(InstrumentError::OffTick { value, tick_size: self.tick_size });
        }
        i64::try_from(value / tick_size).map(Price::new).map_err(|_| InstrumentError::TooLarge)
    }

    /// A decimal text in contracts (spot: base), exactly on the lot grid.
    ///
    /// # Errors
    /// [`InstrumentError`].
    pub fn parse_qty(&self, text: &str) -> Result<Qty, InstrumentError> {
        let value = decimal::parse(text, STEP_DECIMALS)?;
        if value < 0 {
            return Err(InstrumentError::NegativeQty);
        }
        let lot_size = i128::from(self.lot_size);
        if value % lot_size != 0 {
            return Err(InstrumentError::OffLot { value, lot_size: self.lot_size });
        }
        i64::try_from(value / lot_size).ok().and_then(Qty::new).ok_or(InstrumentError::TooLarge)
    }

    /// The price as decimal text in the quote unit.
    #[must_use]
    pub fn format_price(&self, price: Price) -> String {
        decimal::format(self.price_step(price).unwrap_or(0), STEP_DECIMALS)
    }

    /// The quantity as decimal text in contracts (spot: base).
    #[must_use]
    pub fn format_qty(&self, qty: Qty) -> String {
        decimal::format(i128::from(qty.get()) * i128::from(self.lot_size), STEP_DECIMALS)
    }

    /// Whole lots in a feed quantity (10^-8), rounded down; zero for a negative one.
    #[must_use]
    pub fn lots_of_feed_qty(&self, qty_e8: i64) -> Qty {
        let lots = i128::from(qty_e8.max(0)) * FEED_QTY_TO_STEP / i128::from(self.lot_size.max(1));
        i64::try_from(lots).ok().and_then(Qty::new).unwrap_or(Qty::MAX)
    }

    /// The feed quantity (10^-8) of whole lots, rounded down where a lot is finer. `None` on overflow.
    #[must_use]
    pub fn feed_qty_of_lots(&self, qty: Qty) -> Option<i64> {
        i64::try_from(i128::from(qty.get()) * i128::from(self.lot_size) / FEED_QTY_TO_STEP).ok()
    }

    /// What `qty` at `price` is worth in quote base units, rounded as told. `None` on overflow.
    #[must_use]
    pub fn notional(&self, qty: Qty, price: Price, rounding: Rounding) -> Option<Amount> {
        let units = i128::from(qty.get()).checked_mul(self.unit_per_lot())?;
        let (value, decimals) = match self.style {
            Style::Linear | Style::Quanto => (units.checked_mul(self.price_step(price)?)?, STEP_DECIMALS * 2),
            Style::Inverse => (units, STEP_DECIMALS),
        };
        rescale(value, decimals, self.quote_decimals, rounding).map(Amount::new)
    }

    /// Base asset units that `qty` at `price` stands for, rounded as told; for inverse qty x multiplier / price.
    /// `None` on overflow, or for an inverse contract at a price that is not above zero.
    #[must_use]
    pub fn exposure(&self, qty: Qty, price: Price, rounding: Rounding) -> Option<Amount> {
        let units = i128::from(qty.get()).checked_mul(self.unit_per_lot())?;
        match self.style {
            Style::Linear | Style::Quanto => rescale(units, STEP_DECIMALS, self.base_decimals, rounding),
            Style::Inverse => {
                let price = self.price_step(price).filter(|p| *p > 0)?;
                div_round(units.checked_mul(pow10(self.base_decimals)?)?, price, rounding)
            }
        }
        .map(Amount::new)
    }

    /// Most whole lots whose exposure at `price` is no more than `exposure`; zero where there are none.
    #[must_use]
    pub fn qty_within(&self, exposure: Amount, price: Price) -> Qty {
        self.lots_within(exposure, price).and_then(Qty::new).unwrap_or(Qty::ZERO)
    }

    fn lots_within(&self, exposure: Amount, price: Price) -> Option<i64> {
        let scale = pow10(self.base_decimals)?;
        let value = match self.style {
            Style::Linear | Style::Quanto => exposure.get().checked_mul(STEP_ONE)?,
            Style::Inverse => exposure.get().checked_mul(self.price_step(price)?)?,
        };
        i64::try_from(div_round(value, scale.checked_mul(self.unit_per_lot())?, Rounding::Floor)?).ok()
    }

    /// The price per unit of exposure, in the quote currency, 10^-18. `None` on overflow.
    #[must_use]
    pub fn rate(&self, price: Price) -> Option<Rate> {
        self.price_step(price)?.checked_mul(Rate::ONE.get() / STEP_ONE).map(Rate::new)
    }

    /// The price nearest to `rate` on the side that `rounding` says. `None` on overflow.
    #[must_use]
    pub fn price_of_rate(&self, rate: Rate, rounding: Rounding) -> Option<Price> {
        let tick = i128::from(self.tick_size).checked_mul(Rate::ONE.get() / STEP_ONE)?;
        i64::try_from(div_round(rate.get(), tick, rounding)?).ok().map(Price::new)
    }
}

/// 10^`exponent`, or `None` beyond an i128. A table, since this is on the way of every fill.
#[must_use]
pub fn pow10(exponent: u32) -> Option<i128> {
    POWERS_OF_TEN.get(usize::try_from(exponent).ok()?).copied()
}

const POWERS_OF_TEN: [i128; 39] = {
    let mut powers = [1; 39];
    let mut rest: &mut [i128] = &mut powers;
    let mut power = 1;
    while let [first, tail @ ..] = rest {
        *first = power;
        rest = tail;
        if !rest.is_empty() {
            power *= 10;
        }
    }
    powers
};

/// Moves an integer from one decimal scale to another, rounding as told. `None` on overflow.
#[must_use]
pub fn rescale(value: i128, from: u32, to: u32, rounding: Rounding) -> Option<i128> {
    if from > to {
        div_round(value, pow10(from.checked_sub(to)?)?, rounding)
    } else {
        value.checked_mul(pow10(to.checked_sub(from)?)?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn spot() -> Instrument {
        Instrument {
            id: InstrumentId(0),
            version: 1,
            venue: VenueId(0),
            symbol: "BTCUSDT".into(),
            kind: InstrumentKind::Spot,
            style: Style::Linear,
            base: AssetId(0),
            quote: AssetId(1),
            settle: AssetId(1),
            base_decimals: 8,
            quote_decimals: 8,
            tick_size: 10_000_000_000,
            lot_size: 10_000_000,
            contract_multiplier: 1_000_000_000_000,
            min_order_qty: Qty::new(1).unwrap(),
            max_order_qty: Qty::MAX,
            min_notional: Amount::new(500_000_000),
            maturity_ns: None,
            strike_price: None,
            put_or_call: None,
        }
    }

    pub(crate) fn inverse() -> Instrument {
        Instrument {
            kind: InstrumentKind::Perpetual,
            style: Style::Inverse,
            settle: AssetId(0),
            symbol: "BTCUSD_PERP".into(),
            tick_size: 100_000_000_000,
            lot_size: 1_000_000_000_000,
            contract_multiplier: 100_000_000_000_000,
            ..spot()
        }
    }

    #[test]
    fn a_btc_lot_of_a_hundred_thousandth_is_exact() {
        let i = spot();
        i.check().unwrap();
        let qty = i.parse_qty("0.00001").unwrap();
        let price = i.parse_price("61837.64").unwrap();
        assert_eq!(qty.get(), 1);
        assert_eq!(price.get(), 6_183_764);
        assert_eq!(i.exposure(qty, price, Rounding::Floor).unwrap().get(), 1_000);
        assert_eq!(i.notional(qty, price, Rounding::Floor).unwrap().get(), 61_837_640);
        assert_eq!(i.format_price(price), "61837.64");
        assert_eq!(i.format_qty(qty), "0.00001");
    }

    #[test]
    fn an_inverse_contract_of_100_usd_is_exact() {
        let i = inverse();
        i.check().unwrap();
        let qty = i.parse_qty("3").unwrap();
        let price = i.parse_price("61804.8").unwrap();
        assert_eq!(i.notional(qty, price, Rounding::Floor).unwrap().get(), 300 * 100_000_000);
        // 300 / 61804.8 = 0.004853991...
        assert_eq!(i.exposure(qty, price, Rounding::Floor).unwrap().get(), 485_399);
        assert_eq!(i.exposure(qty, price, Rounding::Ceil).unwrap().get(), 485_400);
        assert_eq!(i.qty_within(Amount::new(485_400), price).get(), 3);
        assert_eq!(i.qty_within(Amount::new(485_399), price).get(), 2);
    }

    #[test]
    fn off_grid_text_is_refused_with_value_and_rule() {
        let error = spot().parse_price("61837.645").unwrap_err();
        assert_eq!(error.to_string(), "price 61837.645 is not a whole number of ticks of 0.01");
        assert!(matches!(spot().parse_qty("0.000015"), Err(InstrumentError::OffLot { .. })));
        assert_eq!(spot().parse_qty("-1"), Err(InstrumentError::NegativeQty));
    }

    proptest::proptest! {
        #[test]
        fn lots_within_an_exposure_never_exceed_it(lots in 0i64..1_000_000_000, ticks in 1i64..10_000_000) {
            for i in [spot(), inverse()] {
                let (qty, price) = (Qty::new(lots).unwrap(), Price::new(ticks));
                let exposure = i.exposure(qty, price, Rounding::Ceil).unwrap();
                proptest::prop_assert_eq!(i.qty_within(exposure, price) >= qty, true);
                let floor = i.exposure(i.qty_within(exposure, price), price, Rounding::Floor).unwrap();
                proptest::prop_assert!(floor <= exposure);
            }
        }

        #[test]
        fn a_price_survives_its_rate(ticks in i64::MIN / 2..i64::MAX / 2) {
            let i = spot();
            let rate = i.rate(Price::new(ticks)).unwrap();
            proptest::prop_assert_eq!(i.price_of_rate(rate, Rounding::Ceil), Some(Price::new(ticks)));
        }
    }
}
