//! An option as it is traded: whole ticks of money or of the coin, against its vol.
//!
//! What orders are priced by: whole numbers in, whole numbers out, floats by the deterministic path only in between, and
//! every way out has its rounding in its name. Vols, deltas and values are in 10^-9. Refuses (`None`) what the model
//! refuses and what does not fit; never panics.

use tiderace_types::{Amount, Rate};

use crate::black::Black76;
use crate::risk_array::{from_rate, whole};

/// The highest vol that a price is turned into: 1000 %.
pub const VOL_MAX_E9: i64 = 10_000_000_000;
/// From 10^-9 to 10^-18.
const E9_TO_RATE: i128 = 1_000_000_000;
const E9: f64 = 1e9;
/// No whole number beyond it leaves.
const LARGEST: f64 = 1_152_921_504_606_846_976.0;

/// An option and the step of its prices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quoted {
    /// The option; its vol is the mark's.
    pub option: Black76,
    /// Quote units a tick, above zero.
    pub tick: f64,
    /// Whether it is quoted in the coin: its price is that in money over the forward.
    pub is_coin: bool,
}

/// A whole number of 10^-9 as a double.
fn of_e9(value: i64) -> f64 {
    from_rate(Rate::new(i128::from(value).saturating_mul(E9_TO_RATE)))
}

impl Quoted {
    fn in_ticks(&self, money: f64) -> f64 {
        let price = if self.is_coin { money / self.option.forward } else { money };
        price / self.tick
    }

    fn ticks_at(&self, vol_e9: i64) -> Option<f64> {
        let option = Black76 { vol: of_e9(vol_e9), ..self.option };
        option.price().ok().map(|money| self.in_ticks(money))
    }

    fn rounded(ticks: f64, is_up: bool) -> Option<i64> {
        whole(if is_up { ticks.ceil() } else { ticks.floor() }, LARGEST).ok()
    }

    /// The model's price at a vol in ticks, rounded up or down as told.
    #[must_use]
    pub fn price_at_vol(&self, vol_e9: i64, is_up: bool) -> Option<i64> {
        Self::rounded(self.ticks_at(vol_e9)?, is_up)
    }

    /// The price in ticks of a value in 10^-9, of a coin or of money, rounded up or down as told.
    #[must_use]
    pub fn price_at_value(&self, value_e9: i64, in_coin: bool, is_up: bool) -> Option<i64> {
        let value = of_e9(value_e9);
        Self::rounded(self.in_ticks(if in_coin { value * self.option.forward } else { value }), is_up)
    }

    /// The highest vol of 10^-9 whose price, rounded up, is no more than `ticks`: the vol rounded down. None at or below
    /// what the option is worth without a vol, and where [`VOL_MAX_E9`] is worth no more.
    #[must_use]
    pub fn vol_at_price(&self, ticks: i64) -> Option<i64> {
        let most = Amount::new(ticks.into());
        // Exact as long as ticks are fewer than 2^53; the comparison is with what a price was rounded from.
        let most = from_rate(Rate::new(most.get().checked_mul(Rate::ONE.get())?));
        let is_within = |vol_e9: i64| self.ticks_at(vol_e9).is_some_and(|at| at <= most);
        let (mut low, mut high) = (1, VOL_MAX_E9);
        let worthless = self.in_ticks(self.option.intrinsic());
        if most <= worthless || !is_within(low) || is_within(high) {
            return None;
        }
        while high.saturating_sub(low) > 1 {
            let middle = low.midpoint(high);
            if is_within(middle) { low = middle } else { high = middle }
        }
        Some(low)
    }

    /// Delta in 10^-9 of a unit of the underlying, to the nearest; of an option quoted in the coin that of its coin
    /// value, delta less its price: what hedges an account that pays for it and is paid in the coin.
    #[must_use]
    pub fn delta_e9(&self) -> Option<i64> {
        let delta = match self.is_coin {
            true => self.option.inverse_greeks().ok()?.delta_coin,
            false => self.option.greeks().ok()?.delta,
        };
        whole((delta * E9).round_ties_even(), LARGEST).ok()
    }

    /// Price in 10^-9 of the quote unit for a point of vol (1 %), to the nearest.
    #[must_use]
    pub fn vega_e9(&self) -> Option<i64> {
        let vega = self.option.greeks().ok()?.vega;
        let vega = if self.is_coin { vega / self.option.forward } else { vega };
        whole((vega * (E9 / 100.0)).round_ties_even(), LARGEST).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tiderace_types::PutOrCall;

    use super::*;

    fn call(is_coin: bool) -> Quoted {
        let option = Black76 {
            forward: 60_000.0,
            strike: 62_000.0,
            t: 0.1,
            vol: 0.55,
            discount: 1.0,
            put_or_call: PutOrCall::Call,
        };
        Quoted { option, tick: if is_coin { 0.0001 } else { 0.5 }, is_coin }
    }

    #[test]
    fn prices_and_greeks_are_those_of_the_closed_form() {
        for is_coin in [false, true] {
            let quoted = call(is_coin);
            let money = quoted.option.price().unwrap();
            let price = if is_coin { money / 60_000.0 / 0.0001 } else { money / 0.5 };
            assert_eq!(quoted.price_at_vol(550_000_000, false), Some(price.floor() as i64));
            assert_eq!(quoted.price_at_vol(550_000_000, true), Some(price.ceil() as i64));
            let greeks = quoted.option.greeks().unwrap();
            let (delta, vega) = match is_coin {
                true => (greeks.delta - money / 60_000.0, greeks.vega / 60_000.0),
                false => (greeks.delta, greeks.vega),
            };
            assert!((quoted.delta_e9().unwrap() as f64 / 1e9 - delta).abs() < 1e-9);
            assert!((quoted.vega_e9().unwrap() as f64 / 1e9 - vega / 100.0).abs() < 1e-9);
            // A bump of a point of vol moves the price by vega, and of the forward by delta.
            let bumped = Black76 { vol: 0.5501, ..quoted.option }.price().unwrap();
            let unit = if is_coin { 60_000.0 } else { 1.0 };
            assert!(((bumped - money) / unit - vega * 0.0001).abs() < 1e-6 * vega);
        }
    }

    #[test]
    fn a_value_in_coin_or_money_is_a_price() {
        assert_eq!(call(true).price_at_value(30_050_000, true, false), Some(300));
        assert_eq!(call(true).price_at_value(30_050_000, true, true), Some(301));
        assert_eq!(call(true).price_at_value(1_815 * 1_000_000_000, false, false), Some(302));
        assert_eq!(call(false).price_at_value(1_815 * 1_000_000_000, false, false), Some(3_630));
        assert_eq!(call(false).price_at_value(30_000_000, true, false), Some(3_600));
    }

    #[test]
    fn what_has_no_vol_has_none() {
        let quoted = call(true);
        for ticks in [i64::MIN, -1, 0, 10_000, i64::MAX] {
            assert_eq!(quoted.vol_at_price(ticks), None);
        }
        let over = Quoted { option: Black76 { t: 0.0, ..quoted.option }, ..quoted };
        assert_eq!((over.delta_e9(), over.vega_e9()), (None, None));
        assert_eq!(quoted.price_at_vol(-1, true), None);
    }

    proptest! {
        #[test]
        fn a_price_has_the_highest_vol_that_costs_no_more(
            ticks in 1_i64..5_000, strike in 40_000.0..90_000.0_f64, is_put: bool, is_coin: bool,
        ) {
            let mut quoted = call(is_coin);
            quoted.option.strike = strike;
            quoted.option.put_or_call = if is_put { PutOrCall::Put } else { PutOrCall::Call };
            if let Some(vol) = quoted.vol_at_price(ticks) {
                prop_assert!(quoted.price_at_vol(vol, true).unwrap() <= ticks);
                prop_assert!(quoted.price_at_vol(vol + 1, true).unwrap() > ticks);
                prop_assert!(quoted.price_at_vol(vol, false).unwrap() >= ticks - 1);
            }
        }
    }
}
