//! Inverse (coin-settled) options: strike in money, premium and payout in the coin, as on Deribit.
//!
//! The holder receives max(F - K, 0) / F coins at expiry. In coins the price is the money price over the forward.

use tiderace_types::Reason;

use crate::black::Black76;
use crate::greeks::Greeks;

/// Price and sensitivities of one inverse option of one coin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InverseGreeks {
    /// Price in coins.
    pub price_coin: f64,
    /// Delta of the money value, d (price in money) / dF: what a venue shows as delta.
    pub delta_usd: f64,
    /// Delta of the coin value, F d (price in coins) / dF: delta less the premium, what hedges an account that counts in coins.
    pub delta_coin: f64,
    /// d² (price in coins) / dF².
    pub gamma_coin: f64,
    /// d (price in coins) / d vol, per 1.00 of vol.
    pub vega_coin: f64,
    /// d (price in coins) / d time passing, a year.
    pub theta_coin: f64,
    /// The greeks of the money value.
    pub usd: Greeks,
}

impl Black76 {
    /// The price in coins of the inverse option: the money price over the forward.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn inverse_price(&self) -> Result<f64, Reason> {
        crate::black::finite(self.price()? / self.forward)
    }

    /// Price and greeks of the inverse option, in coins and in money.
    ///
    /// # Errors
    /// As [`Self::check_open`]; `NotANumber` where a greek leaves the range of a double.
    pub fn inverse_greeks(&self) -> Result<InverseGreeks, Reason> {
        let usd = self.greeks()?;
        let price_coin = crate::black::finite(usd.price / self.forward)?;
        let delta_coin = usd.delta - price_coin;
        Ok(InverseGreeks {
            price_coin,
            delta_usd: usd.delta,
            delta_coin,
            gamma_coin: crate::black::finite(
                usd.gamma / self.forward - 2.0 * delta_coin / (self.forward * self.forward),
            )?,
            vega_coin: crate::black::finite(usd.vega / self.forward)?,
            theta_coin: crate::black::finite(usd.theta / self.forward)?,
            usd,
        })
    }
}
