//! Implied volatility of one option, at the accuracy of a double, through the out-of-the-money side.
//!
//! Owns the checks and the reasons; the root is found by Jäckel's rational method (crate `implied-vol`). Invariant: a
//! finite volatility, or a reason. An option in the money is solved as the other one at the same strike, so what a
//! quote's digits hold of its time value is all that is lost.

use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility, ImpliedNormalVolatility};
use tiderace_types::{PutOrCall, Reason};

use crate::bachelier::Bachelier;
use crate::black::{Black76, sign_of};

impl Black76 {
    /// The volatility that gives `price`; `self.vol` is not read.
    ///
    /// # Errors
    /// As [`Self::check_open`] without the volatility; `BelowIntrinsic` at or below the intrinsic value, `AboveBound` at
    /// or above the discounted forward (call) or strike (put).
    ///
    /// # References
    /// P. Jäckel, "Let's be rational" (2015).
    pub fn implied_vol(&self, price: f64) -> Result<f64, Reason> {
        let time_value = self.time_value(price)?;
        let solver = ImpliedBlackVolatility::builder()
            .option_price(time_value)
            .forward(self.forward)
            .strike(self.strike)
            .expiry(self.t)
            .is_call(self.forward <= self.strike)
            .build()
            .ok_or(Reason::NotANumber)?;
        let vol = solver.calculate::<DefaultSpecialFn>().ok_or(Reason::AboveBound)?;
        if vol > 0.0 && vol.is_finite() { Ok(vol) } else { Err(Reason::NotANumber) }
    }

    /// The undiscounted price of the out-of-the-money option of this strike, when a volatility gives it.
    fn time_value(&self, price: f64) -> Result<f64, Reason> {
        if !price.is_finite() {
            return Err(Reason::NotANumber);
        }
        Self { vol: 1.0, ..*self }.check_open()?;
        let future_value = price / self.discount;
        let bound = match self.put_or_call {
            PutOrCall::Call => self.forward,
            PutOrCall::Put => self.strike,
        };
        // The intrinsic value as the price has it: its rounding cancels, and the difference is exact where digits are scarce.
        let time_value = (price - self.intrinsic()) / self.discount;
        if time_value <= 0.0 {
            return Err(Reason::BelowIntrinsic);
        }
        // Both sides of the parity: a price can be below its bound and its time value at it, by rounding.
        if future_value >= bound || time_value >= self.forward.min(self.strike) {
            return Err(Reason::AboveBound);
        }
        Ok(time_value)
    }
}

impl Bachelier {
    /// The normal volatility that gives `price`; `self.vol` is not read.
    ///
    /// # Errors
    /// As [`Self::check`] without the volatility; `BadTime` at zero time; `BelowIntrinsic` at or below the intrinsic value.
    pub fn implied_vol(&self, price: f64) -> Result<f64, Reason> {
        if !price.is_finite() {
            return Err(Reason::NotANumber);
        }
        Self { vol: 1.0, ..*self }.check()?;
        if self.t <= 0.0 {
            return Err(Reason::BadTime);
        }
        let intrinsic = (sign_of(self.put_or_call) * (self.forward - self.strike)).max(0.0);
        let time_value = price / self.discount - intrinsic;
        if time_value <= 0.0 {
            return Err(Reason::BelowIntrinsic);
        }
        let solver = ImpliedNormalVolatility::builder()
            .option_price(time_value)
            .forward(self.forward)
            .strike(self.strike)
            .expiry(self.t)
            .is_call(self.forward <= self.strike)
            .build()
            .ok_or(Reason::NotANumber)?;
        let vol = solver.calculate::<DefaultSpecialFn>().ok_or(Reason::NotANumber)?;
        if vol > 0.0 && vol.is_finite() { Ok(vol) } else { Err(Reason::NotANumber) }
    }
}
