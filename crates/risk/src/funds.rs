//! What each venue holds of each asset, and what of it is spoken for.
//!
//! A balance arrives as what is free; what our orders and positions hold at that moment is added back. From then on spot
//! fills move it by what they pay and deliver, derivatives by the profit or loss that they realise, and both by their
//! fees; what a position would gain or lose if it were closed moves nothing. Open spot orders claim what they would pay
//! (a buy with its fee) or deliver; derivatives claim initial margin on the worst exposure of their instrument, and the
//! fees of their open orders.

use tiderace_types::{
    Amount, AssetId, Fraction, Instrument, InstrumentKind, Price, Rounding, VenueId, instrument, num,
};

/// An asset at a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pool {
    venue: VenueId,
    asset: AssetId,
    balance: i128,
    claimed: i128,
}

/// Index of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolId(usize);

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Funds {
    pools: Vec<Pool>,
}

impl Funds {
    /// The pool of an asset at a venue, made where there is none. Linear in pools: for construction and balances.
    pub(crate) fn pool(&mut self, venue: VenueId, asset: AssetId) -> PoolId {
        let found = self.pools.iter().position(|pool| pool.venue == venue && pool.asset == asset);
        PoolId(found.unwrap_or_else(|| {
            self.pools.push(Pool { venue, asset, balance: 0, claimed: 0 });
            self.pools.len().saturating_sub(1)
        }))
    }

    /// The venue says that `amount` is free.
    pub(crate) fn set_free(&mut self, id: PoolId, amount: Amount) {
        if let Some(pool) = self.pools.get_mut(id.0) {
            pool.balance = amount.get().saturating_add(pool.claimed);
        }
    }

    pub(crate) fn free(&self, id: PoolId) -> i128 {
        self.pools.get(id.0).map_or(0, |pool| pool.balance.saturating_sub(pool.claimed))
    }

    pub(crate) fn claim(&mut self, id: PoolId, by: i128) {
        if let Some(pool) = self.pools.get_mut(id.0) {
            pool.claimed = pool.claimed.saturating_add(by);
        }
    }

    pub(crate) fn pay(&mut self, id: PoolId, by: i128) {
        if let Some(pool) = self.pools.get_mut(id.0) {
            pool.balance = pool.balance.saturating_add(by);
        }
    }

    pub(crate) fn existing(&self, venue: VenueId, asset: AssetId) -> Option<PoolId> {
        self.pools.iter().position(|pool| pool.venue == venue && pool.asset == asset).map(PoolId)
    }
}

/// What an instrument's orders and positions draw on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Draw {
    /// Buys pay the quote asset, sells deliver the base asset.
    Spot {
        /// Of the quote asset.
        quote: PoolId,
        /// Of the base asset.
        base: PoolId,
    },
    /// Margin in the settlement asset.
    Margin {
        /// Of the settlement asset.
        settle: PoolId,
        /// How margin comes from exposure.
        rule: MarginRule,
    },
}

impl Draw {
    pub(crate) fn of(instrument: &Instrument, initial_margin: Fraction, funds: &mut Funds) -> Self {
        let venue = instrument.venue;
        if instrument.kind == InstrumentKind::Spot {
            let (quote, base) = (funds.pool(venue, instrument.quote), funds.pool(venue, instrument.base));
            return Self::Spot { quote, base };
        }
        let settle = funds.pool(venue, instrument.settle);
        Self::Margin { settle, rule: MarginRule::of(instrument, initial_margin) }
    }
}

/// Margin of an exposure: `initial_margin` of it in the base asset where that settles, else of its value in the quote
/// asset (a quanto's settlement asset is taken at the number of the quote asset).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MarginRule {
    initial_margin: Fraction,
    is_settled_in_base: bool,
    /// The tick without its trailing zeros, so that products stay small.
    tick_mantissa: i128,
    /// Digits to drop from exposure x ticks x mantissa to come to quote base units.
    drop: u32,
    /// Digits to add instead.
    add: u32,
}

impl MarginRule {
    fn of(instrument: &Instrument, initial_margin: Fraction) -> Self {
        let (mut mantissa, mut digits) = (i128::from(instrument.tick_size), instrument::STEP_DECIMALS);
        while mantissa > 0 && mantissa.checked_rem(10) == Some(0) && digits > 0 {
            mantissa = mantissa.checked_div(10).unwrap_or(0);
            digits = digits.saturating_sub(1);
        }
        let from = digits.saturating_add(instrument.base_decimals);
        Self {
            initial_margin,
            is_settled_in_base: instrument.settle == instrument.base,
            tick_mantissa: mantissa,
            drop: from.saturating_sub(instrument.quote_decimals),
            add: instrument.quote_decimals.saturating_sub(from),
        }
    }

    /// Margin of `exposure` (not below zero) at `price`, rounded up; the largest number where it does not fit.
    pub(crate) fn margin(&self, exposure: i128, price: Price) -> i128 {
        let value = if self.is_settled_in_base { Some(exposure) } else { self.value(exposure, price) };
        let margin = value.and_then(|value| Amount::new(value).times(self.initial_margin, Rounding::Ceil));
        // Half of the range, so that sums over instruments still compare.
        margin.map_or(i128::MAX.wrapping_shr(1), Amount::get)
    }

    fn value(&self, exposure: i128, price: Price) -> Option<i128> {
        let ticks = i128::from(price.get()).checked_abs()?;
        let product = exposure.checked_mul(ticks)?.checked_mul(self.tick_mantissa)?;
        let product = product.checked_mul(instrument::pow10(self.add)?)?;
        num::div_round(product, instrument::pow10(self.drop)?, Rounding::Ceil)
    }
}
