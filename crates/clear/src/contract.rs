//! What a fill of an instrument is worth: exact while a position is open, rounded once when it becomes cash.
//!
//! A *raw* value is lots x ticks x [`Contract::grain`], or for an inverse perpetual or future base units x 10^6; a position
//! keeps the signed sum of what its lots cost in it, so that a mean price that does not come out even loses nothing that
//! money could show. An inverse option's premium is a price in coin, so its raw value counts lots x ticks too.

use tiderace_types::instrument::{STEP_DECIMALS, pow10};
use tiderace_types::num::div_round;
use tiderace_types::{AssetId, Fraction, InstrumentKind, Price, PutOrCall, Qty, Rounding, Side, Style};

use crate::config::{ClearConfig, ContractTerms};
use crate::wide::{divide, mul_div};

/// Digits of an inverse raw value below a base unit.
const INVERSE_DIGITS: u32 = 6;
/// Digits of the settlement asset that a raw value holds at least.
const GRAIN_DIGITS: u32 = 12;
/// No fill is worth more than this many base units: what follows from it fits in an `i128`.
pub const RAW_MAX: i128 = 1 << 90;
/// Nor than this many raw units.
const GRAINS_MAX: i128 = 1 << 112;
/// One, in steps of 10^-12.
pub(crate) const STEP_ONE: i128 = 1_000_000_000_000;

/// How an instrument's raw values become cash.
#[derive(Clone, Debug)]
pub struct Contract {
    kind: InstrumentKind,
    style: Style,
    base: AssetId,
    settle: AssetId,
    /// Whether raw values divide by the price.
    is_inverse: bool,
    /// Base units of the settlement asset in a raw unit: `num` over `den`.
    num: i128,
    den: i128,
    /// Of an inverse contract: raw value of a lot at a price of one tick.
    inverse_unit: i128,
    /// Base units of the base asset in a lot, `lot_num` over `lot_den`: for spot.
    lot_num: i128,
    lot_den: i128,
    raw_max: i128,
    grain: i128,
    tick: i128,
    /// Base (inverse: quote) of a lot, 10^-12.
    unit: i128,
    /// Base units of the settlement asset in one.
    settle_scale: i128,
    strike: Option<Price>,
    put_or_call: Option<PutOrCall>,
    floor: Option<Price>,
    cap: Option<Price>,
}

fn reduced(num: i128, den: i128) -> (i128, i128) {
    let (mut a, mut b) = (num, den);
    while b != 0 {
        (a, b) = (b, a.checked_rem(b).unwrap_or(0));
    }
    let divisor = a.max(1);
    (num.checked_div(divisor).unwrap_or(num), den.checked_div(divisor).unwrap_or(den))
}

impl Contract {
    /// None where the steps of the instrument do not fit.
    pub(crate) fn new(config: &ClearConfig, terms: &ContractTerms) -> Option<Self> {
        let instrument = &terms.instrument;
        let decimals = |asset: AssetId| config.assets.get(asset.index()).map(|a| a.asset.decimals);
        let steps = pow10(STEP_DECIMALS)?;
        let product = i128::from(instrument.lot_size).checked_mul(i128::from(instrument.contract_multiplier))?;
        let lot_unit = product.checked_div(steps)?;
        let step = i128::from(instrument.tick_size);
        let is_dated = matches!(instrument.kind, InstrumentKind::Perpetual | InstrumentKind::Future);
        let is_inverse = instrument.style == Style::Inverse && is_dated;
        let settle_scale = pow10(decimals(instrument.settle)?)?;
        let ((num, den), grain) = if is_inverse {
            ((1, pow10(INVERSE_DIGITS)?), 1)
        } else {
            let (unit, unit_den) = reduced(lot_unit, steps);
            let (tick, tick_den) = reduced(step, steps);
            let (tick, scale) = reduced(tick.checked_mul(settle_scale)?, tick_den);
            let (num, den) = reduced(unit.checked_mul(tick)?, unit_den.checked_mul(scale)?);
            let fine = pow10(GRAIN_DIGITS.saturating_sub(decimals(instrument.settle)?))?;
            let is_fine = |grain: &i128| Some(den.checked_mul(*grain)? >= num.checked_mul(fine)?);
            let grain = (0..=2 * GRAIN_DIGITS).filter_map(pow10).find(|grain| is_fine(grain) == Some(true))?;
            (reduced(num, den.checked_mul(grain)?), grain)
        };
        let base_scale = pow10(decimals(instrument.base)?)?;
        let inverse_unit = if is_inverse {
            lot_unit.checked_mul(base_scale)?.checked_mul(pow10(INVERSE_DIGITS)?)?.checked_div(step)?
        } else {
            0
        };
        let (lot_num, lot_den) = reduced(lot_unit.checked_mul(base_scale)?, steps);
        let raw_max = RAW_MAX.checked_div(num.max(1))?.saturating_mul(den).min(GRAINS_MAX);
        Some(Self {
            kind: instrument.kind,
            style: instrument.style,
            base: instrument.base,
            settle: instrument.settle,
            is_inverse,
            num,
            den,
            inverse_unit,
            lot_num,
            lot_den,
            raw_max,
            grain,
            tick: step,
            unit: lot_unit,
            settle_scale,
            strike: instrument.strike_price,
            put_or_call: instrument.put_or_call,
            floor: terms.floor,
            cap: terms.cap,
        })
    }

    /// Asset that exposure is counted in.
    #[must_use]
    pub const fn base(&self) -> AssetId {
        self.base
    }

    /// Asset that profit, premium and fees are paid in.
    #[must_use]
    pub const fn settle(&self) -> AssetId {
        self.settle
    }

    /// Whether its value is counted in coin and divides by the price.
    pub(crate) const fn is_inverse(&self) -> bool {
        self.is_inverse
    }

    /// Whether it is delivered at once.
    #[must_use]
    pub const fn is_spot(&self) -> bool {
        matches!(self.kind, InstrumentKind::Spot)
    }

    /// Whether its price is paid at the trade: options and binaries.
    #[must_use]
    pub const fn is_premium(&self) -> bool {
        matches!(self.kind, InstrumentKind::Option | InstrumentKind::Binary | InstrumentKind::Program)
    }

    /// Whether its payoff is a program.
    #[must_use]
    pub const fn is_program(&self) -> bool {
        matches!(self.kind, InstrumentKind::Program)
    }

    /// Base units of the settlement asset in a tick of a lot, where that is a whole number.
    pub(crate) fn tick_of_a_lot(&self) -> Option<i128> {
        let raw = self.grain.checked_mul(self.num)?;
        (raw.checked_rem(self.den)? == 0).then(|| raw.checked_div(self.den)).flatten()
    }

    /// Whether open profit becomes cash daily: perpetuals and futures.
    #[must_use]
    pub const fn is_marked(&self) -> bool {
        matches!(self.kind, InstrumentKind::Perpetual | InstrumentKind::Future)
    }

    /// Raw units in a lot x tick.
    #[must_use]
    pub const fn grain(&self) -> i128 {
        self.grain
    }

    /// Steps of 10^-12 in a tick.
    #[must_use]
    pub const fn tick(&self) -> i128 {
        self.tick
    }

    /// The raw value of a fill, never below zero for a price above zero.
    #[must_use]
    pub fn raw(&self, qty: Qty, price: Price) -> i128 {
        let (qty, price) = (i128::from(qty.get()), i128::from(price.get()));
        if !self.is_inverse {
            // Two words: their product always fits.
            qty.wrapping_mul(price).saturating_mul(self.grain)
        } else if price > 0 {
            divide(qty.saturating_mul(self.inverse_unit), price, Rounding::Floor)
        } else {
            0
        }
    }

    /// The raw value, signed as a position counts what it costs.
    #[must_use]
    pub const fn signed(&self, raw: i128, side: Side) -> i128 {
        match (side, self.is_inverse) {
            (Side::Buy, false) | (Side::Sell, true) => raw,
            (Side::Sell, false) | (Side::Buy, true) => raw.saturating_neg(),
        }
    }

    /// Raw cost that a position would have, had it been opened at this price now.
    pub(crate) fn cost_at(&self, qty: i64, price: Price) -> i128 {
        let side = if qty < 0 { Side::Sell } else { Side::Buy };
        self.signed(self.raw(lots(qty), price), side)
    }

    /// A raw value in base units of the settlement asset.
    #[must_use]
    pub fn cash(&self, raw: i128, rounding: Rounding) -> i128 {
        if self.den == 1 {
            return raw.saturating_mul(self.num);
        }
        mul_div(raw, self.num, self.den, rounding)
    }

    /// A raw value times a part of 10^18, in base units of the settlement asset.
    pub(crate) fn cash_part(&self, raw: i128, part_e18: i128, rounding: Rounding) -> i128 {
        const ONE: i128 = 1_000_000_000_000_000_000;
        mul_div(raw, part_e18.saturating_mul(self.num), self.den.saturating_mul(ONE), rounding)
    }

    /// So many lots of raw value in 10^-18, in base units of the settlement asset.
    pub(crate) fn cash_e18(&self, raw_e18: i128, lots: i128, rounding: Rounding) -> i128 {
        const ONE: i128 = 1_000_000_000_000_000_000;
        mul_div(raw_e18, lots.saturating_mul(self.num), self.den.saturating_mul(ONE), rounding)
    }

    /// The fee of a fill, > 0 is paid: up for who pays, a rebate down.
    #[must_use]
    pub fn fee(&self, raw: i128, fraction: Fraction) -> i128 {
        if fraction == Fraction::ZERO {
            return 0;
        }
        let num = self.num.saturating_mul(i128::from(fraction.get()));
        let den = self.den.saturating_mul(i128::from(Fraction::ONE.get()));
        mul_div(raw.saturating_abs(), num, den, Rounding::Ceil)
    }

    /// Base units that so many lots are, for spot.
    #[must_use]
    pub fn lots(&self, qty: Qty, rounding: Rounding) -> i128 {
        div_round(i128::from(qty.get()).saturating_mul(self.lot_num), self.lot_den, rounding).unwrap_or(0)
    }

    /// Whether sums with an order of this size stay far from the ends of an `i128`.
    #[must_use]
    pub fn fits(&self, qty: Qty, price: Price) -> bool {
        self.raw(qty, price).saturating_abs() <= self.raw_max
    }

    /// A price within the floor and the cap of a capped contract.
    #[must_use]
    pub fn bounded(&self, price: Price) -> Price {
        let price = self.cap.map_or(price, |cap| price.min(cap));
        self.floor.map_or(price, |floor| price.max(floor))
    }

    /// Profit at settlement of a perpetual's or future's position, rounded down; `price` in steps of 10^-12.
    pub(crate) fn profit_at(&self, qty: i64, cost: i128, price: i128) -> i128 {
        let price = self.bounded_step(price);
        if self.is_inverse {
            let worth = mul_div(i128::from(qty), self.inverse_unit.saturating_mul(self.tick), price, Rounding::Ceil);
            return self.cash(worth.saturating_neg().saturating_sub(cost), Rounding::Floor);
        }
        let worth = i128::from(qty).saturating_mul(price);
        let raw = worth.saturating_mul(self.grain).saturating_sub(cost.saturating_mul(self.tick));
        mul_div(raw, self.num, self.den.saturating_mul(self.tick), Rounding::Floor)
    }

    fn bounded_step(&self, price: i128) -> i128 {
        let step = |at: Price| i128::from(at.get()).saturating_mul(self.tick);
        let price = self.cap.map_or(price, |cap| price.min(step(cap)));
        self.floor.map_or(price, |floor| price.max(step(floor)))
    }

    /// What a long position of a premium contract pays out, >= 0; `price` of the underlying in steps of 10^-12.
    pub(crate) fn payoff(&self, qty: Qty, price: i128, rounding: Rounding) -> i128 {
        let strike = self.strike.map_or(0, |at| i128::from(at.get()).saturating_mul(self.tick));
        let gap = match self.put_or_call {
            Some(PutOrCall::Put) => strike.saturating_sub(price),
            Some(PutOrCall::Call) | None => price.saturating_sub(strike),
        }
        .max(0);
        if gap == 0 {
            return 0;
        }
        let units = i128::from(qty.get()).saturating_mul(self.unit);
        let in_settle = units.saturating_mul(self.settle_scale);
        match (self.kind, self.style) {
            (InstrumentKind::Binary, _) => div_round(in_settle, STEP_ONE, rounding).unwrap_or(0),
            (_, Style::Inverse) => mul_div(in_settle, gap, price.max(1).saturating_mul(STEP_ONE), rounding),
            (_, Style::Linear | Style::Quanto) => mul_div(in_settle, gap, STEP_ONE.saturating_mul(STEP_ONE), rounding),
        }
    }
}

/// The size of a position.
pub(crate) fn lots(qty: i64) -> Qty {
    Qty::new(qty.saturating_abs()).unwrap_or(Qty::MAX)
}
