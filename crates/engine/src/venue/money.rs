//! What a fill is worth: exact while a position is open, rounded once when it becomes cash.
//!
//! A *raw* value is lots x ticks, or for an inverse contract base units x 10^6; a position keeps the signed sum of what
//! its lots cost in it. Cash rounds down for who receives and up for who pays; the house's balance takes the rest, so
//! that the sums of every asset hold.

use tiderace_types::instrument::{STEP_DECIMALS, pow10};
use tiderace_types::num::div_round;
use tiderace_types::{AssetId, Fraction, InstrumentKind, Price, Qty, Rounding, Side, Style};

use super::config::{FeeTier, Fees, Listing, VenueConfig};

/// Digits of an inverse raw value below a base unit.
const INVERSE_DIGITS: u32 = 6;
/// No order is worth more than this many raw units or base units: what follows from it fits in an `i128`.
const RAW_MAX: i128 = 1 << 90;

/// How an instrument's raw values become cash.
#[derive(Clone, Debug)]
pub(super) struct Money {
    pub(super) base: AssetId,
    pub(super) settle: AssetId,
    pub(super) is_spot: bool,
    /// What trades are counted in for fee tiers.
    pub(super) quote: AssetId,
    fees: Fees,
    tiers: Vec<FeeTier>,
    is_inverse: bool,
    /// Base units of the settlement asset in a raw unit: `num` over `den`.
    num: i128,
    den: i128,
    /// Of an inverse contract: raw value of a lot at a price of one tick.
    inverse_unit: i128,
    /// Base units of the base asset in a lot, `lot_num` over `lot_den`: for spot.
    lot_num: i128,
    lot_den: i128,
    /// Base units of the quote asset in a raw value, for an inverse contract in a lot: `num` over `den`.
    notional_num: i128,
    notional_den: i128,
    raw_max: i128,
}

fn reduced(num: i128, den: i128) -> (i128, i128) {
    let (mut a, mut b) = (num, den);
    while b != 0 {
        (a, b) = (b, a.checked_rem(b).unwrap_or(0));
    }
    let divisor = a.max(1);
    (num.checked_div(divisor).unwrap_or(num), den.checked_div(divisor).unwrap_or(den))
}

impl Money {
    /// None where the steps of the instrument do not fit.
    pub(super) fn new(config: &VenueConfig, listing: &Listing) -> Option<Self> {
        let instrument = &listing.instrument;
        let decimals = |asset: AssetId| config.assets.get(asset.index()).map(|a| a.decimals);
        let steps = pow10(STEP_DECIMALS)?;
        let product = i128::from(instrument.lot_size).checked_mul(i128::from(instrument.contract_multiplier))?;
        let unit = product.checked_div(steps)?;
        let tick = i128::from(instrument.tick_size);
        let is_inverse = instrument.style == Style::Inverse;
        // A lot times a tick, in base units of so many decimals.
        let lot_tick = |decimals: u32| {
            let (unit, unit_den) = reduced(unit, steps);
            let (tick, tick_den) = reduced(tick, steps);
            let (tick, scale) = reduced(tick.checked_mul(pow10(decimals)?)?, tick_den);
            Some(reduced(unit.checked_mul(tick)?, unit_den.checked_mul(scale)?))
        };
        let quote_decimals = decimals(instrument.quote)?;
        let ((num, den), (notional_num, notional_den)) = if is_inverse {
            ((1, pow10(INVERSE_DIGITS)?), reduced(unit.checked_mul(pow10(quote_decimals)?)?, steps))
        } else {
            (lot_tick(decimals(instrument.settle)?)?, lot_tick(quote_decimals)?)
        };
        let base_scale = pow10(decimals(instrument.base)?)?;
        let inverse_unit = if is_inverse {
            unit.checked_mul(base_scale)?.checked_mul(pow10(INVERSE_DIGITS)?)?.checked_div(tick)?
        } else {
            0
        };
        let (lot_num, lot_den) = reduced(unit.checked_mul(base_scale)?, steps);
        let is_spot = instrument.kind == InstrumentKind::Spot;
        let (base, settle) = (instrument.base, instrument.settle);
        let raw_max = RAW_MAX.min(RAW_MAX.checked_div(num.max(1))?.saturating_mul(den));
        let (quote, fees, tiers) = (instrument.quote, listing.fees, listing.fee_tiers.clone());
        Some(Self {
            base,
            settle,
            is_spot,
            quote,
            fees,
            tiers,
            is_inverse,
            num,
            den,
            inverse_unit,
            lot_num,
            lot_den,
            notional_num,
            notional_den,
            raw_max,
        })
    }

    /// The raw value of a fill, never below zero for a price above zero.
    pub(super) fn raw(&self, qty: Qty, price: Price) -> i128 {
        let (qty, price) = (i128::from(qty.get()), i128::from(price.get()));
        if self.is_inverse {
            qty.saturating_mul(self.inverse_unit).checked_div(price).unwrap_or(0)
        } else {
            qty.saturating_mul(price)
        }
    }

    /// The raw value, signed as a position counts what it costs.
    pub(super) const fn signed(&self, raw: i128, side: Side) -> i128 {
        match (side, self.is_inverse) {
            (Side::Buy, false) | (Side::Sell, true) => raw,
            (Side::Sell, false) | (Side::Buy, true) => raw.saturating_neg(),
        }
    }

    /// A raw value in base units of the settlement asset.
    pub(super) fn cash(&self, raw: i128, rounding: Rounding) -> i128 {
        if self.den == 1 {
            return raw.saturating_mul(self.num);
        }
        scaled(raw, self.num, self.den, rounding)
    }

    /// The tier of an account that traded so much: zero before the first.
    pub(super) fn tier(&self, volume: i128) -> u8 {
        let reached = self.tiers.partition_point(|tier| tier.volume.get() <= volume);
        u8::try_from(reached).unwrap_or(u8::MAX)
    }

    /// Whether tiers ask how much an account traded.
    pub(super) fn has_tiers(&self) -> bool {
        !self.tiers.is_empty()
    }

    /// What a tier pays.
    pub(super) fn fees(&self, tier: u8) -> Fees {
        let tier = usize::from(tier).checked_sub(1).and_then(|row| self.tiers.get(row));
        tier.map_or(self.fees, FeeTier::fees)
    }

    /// What a fill counts for fee tiers, in base units of the quote asset, rounded down.
    pub(super) fn notional(&self, qty: Qty, raw: i128) -> i128 {
        let steps = if self.is_inverse { i128::from(qty.get()) } else { raw.saturating_abs() };
        scaled(steps, self.notional_num, self.notional_den, Rounding::Floor)
    }

    /// The fee of a fill, > 0 is paid: up for who pays, a rebate down.
    pub(super) fn fee(&self, raw: i128, is_maker: bool, tier: u8) -> i128 {
        let fees = self.fees(tier);
        let fraction = if is_maker { fees.maker } else { fees.taker };
        if fraction == Fraction::ZERO {
            return 0;
        }
        let num = self.num.saturating_mul(i128::from(fraction.get()));
        let den = self.den.saturating_mul(i128::from(Fraction::ONE.get()));
        scaled(raw.saturating_abs(), num, den, Rounding::Ceil)
    }

    /// Base units that so many lots are, for spot.
    pub(super) fn lots(&self, qty: Qty, rounding: Rounding) -> i128 {
        div_round(i128::from(qty.get()).saturating_mul(self.lot_num), self.lot_den, rounding).unwrap_or(0)
    }

    /// Whether sums with an order of this size stay far from the ends of an `i128`.
    pub(super) fn fits(&self, qty: Qty, price: Price) -> bool {
        self.raw(qty, price).saturating_abs() <= self.raw_max
    }
}

/// What an account holds of an instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Holding {
    /// Lots, signed.
    pub(super) qty: i64,
    /// Signed raw sum of what the open lots cost.
    pub(super) cost: i128,
    /// Base units of the settlement asset.
    pub(super) realized: i128,
}

impl Holding {
    /// Books a fill and returns its profit in raw units: what closes leaves at the average cost, the rest opens.
    pub(super) fn fill(&mut self, side: Side, qty: Qty, value: i128) -> i128 {
        let lots = qty.get().saturating_mul(side.sign());
        let is_closing = self.qty != 0 && (self.qty < 0) != (lots < 0);
        if !is_closing {
            self.qty = self.qty.saturating_add(lots);
            self.cost = self.cost.saturating_add(value);
            return 0;
        }
        let open = i128::from(self.qty).abs();
        let closed = i128::from(qty.get()).min(open);
        let cost = share(self.cost, closed, open);
        let closing = share(value, closed, i128::from(qty.get()));
        self.qty = self.qty.saturating_add(lots);
        self.cost = self.cost.saturating_sub(cost).saturating_add(value.saturating_sub(closing));
        cost.saturating_add(closing).saturating_neg()
    }

    /// Lots by which an order of a side can bring the position to flat.
    pub(super) const fn reducible(&self, side: Side) -> i64 {
        match side {
            Side::Buy if self.qty < 0 => self.qty.saturating_neg(),
            Side::Sell if self.qty > 0 => self.qty,
            Side::Buy | Side::Sell => 0,
        }
    }
}

/// A value times `num` over `den`: by quotient and remainder where the product itself is too large.
fn scaled(value: i128, num: i128, den: i128, rounding: Rounding) -> i128 {
    if let Some(product) = value.checked_mul(num) {
        return div_round(product, den, rounding).unwrap_or(0);
    }
    let (whole, rest) = (value.checked_div(den).unwrap_or(0), value.checked_rem(den).unwrap_or(0));
    let rest = div_round(rest.saturating_mul(num), den, rounding).unwrap_or(0);
    whole.saturating_mul(num).saturating_add(rest)
}

/// `part` of `whole` of a value; what does not come out even stays with the other part.
fn share(value: i128, part: i128, whole: i128) -> i128 {
    if part == whole {
        return value;
    }
    scaled(value, part, whole, Rounding::Floor)
}
