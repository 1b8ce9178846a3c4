//! European options on a forward (Black 1976), on a spot price (Black and Scholes 1973) and on a displaced forward.
//!
//! Owns the price formulae of the deterministic path and the checks of their inputs. Invariants: a result is finite, or
//! there is a [`Reason`]; the option out of the money is priced by its own formula, so a cheap option keeps its digits, and
//! the one in the money is its intrinsic value and that option: put-call parity holds to the bit, and what a price holds of
//! its time value is all that rounding takes from it.
//! Time is in years of 365 days, volatility 1.00 = 100 % a year, prices in the unit of the forward.

use tiderace_types::{PutOrCall, Reason};

use crate::normal;

/// A European option on a forward, discounted by a factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Black76 {
    /// Forward price, above zero.
    pub forward: f64,
    /// Strike, above zero.
    pub strike: f64,
    /// Years of 365 days to expiry; at zero the price is the intrinsic value.
    pub t: f64,
    /// Volatility a year, 1.00 = 100 %.
    pub vol: f64,
    /// Value today of one unit paid at expiry.
    pub discount: f64,
    /// Put or call.
    pub put_or_call: PutOrCall,
}

/// What the formulae share once the inputs are sound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Volatility to expiry, vol sqrt(t).
    pub(crate) s: f64,
    pub(crate) d1: f64,
    pub(crate) d2: f64,
    /// 1 for a call, -1 for a put.
    pub(crate) sign: f64,
    /// Continuous rate of the discount factor; zero at zero time.
    pub(crate) rate: f64,
}

/// Beyond this a distance in deviations is the same as infinite, and its products stay finite.
const FAR: f64 = 1e100;

pub(crate) const fn sign_of(put_or_call: PutOrCall) -> f64 {
    match put_or_call {
        PutOrCall::Call => 1.0,
        PutOrCall::Put => -1.0,
    }
}

/// A finite outcome, or [`Reason::NotANumber`].
pub(crate) fn finite(value: f64) -> Result<f64, Reason> {
    if value.is_finite() { Ok(value) } else { Err(Reason::NotANumber) }
}

/// The undiscounted price of the option out of the money, whichever `sign` (1 for a call) was asked for: what either option
/// is worth beyond its intrinsic value. A difference of two legs, so never made of the larger legs in the money.
pub(crate) fn time_value(forward: f64, strike: f64, sign: f64, d1: f64, d2: f64) -> f64 {
    let out = if sign * (forward - strike) > 0.0 { -sign } else { sign };
    (out * (forward * normal::cdf(out * d1) - strike * normal::cdf(out * d2))).max(0.0)
}

impl Black76 {
    /// Whether the inputs can be priced, checked in this order: finite, forward, strike, time, volatility, discount.
    ///
    /// # Errors
    /// `NotANumber`, `BadForward`, `BadStrike`, `BadTime`, `BadVol`, `BadDiscount`.
    pub fn check(&self) -> Result<(), Reason> {
        let all = [self.forward, self.strike, self.t, self.vol, self.discount];
        if all.iter().any(|value| !value.is_finite()) {
            return Err(Reason::NotANumber);
        }
        let rules = [
            (self.forward > 0.0, Reason::BadForward),
            (self.strike > 0.0, Reason::BadStrike),
            (self.t >= 0.0, Reason::BadTime),
            (self.vol >= 0.0, Reason::BadVol),
            (self.discount > 0.0, Reason::BadDiscount),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, reason)| Err(reason))
    }

    /// The checks of [`Self::check`], and that time and volatility are above zero, as greeks need.
    ///
    /// # Errors
    /// As [`Self::check`]; `BadTime` and `BadVol` at zero too.
    pub fn check_open(&self) -> Result<(), Reason> {
        self.check()?;
        if self.t <= 0.0 {
            return Err(Reason::BadTime);
        }
        if self.vol <= 0.0 { Err(Reason::BadVol) } else { Ok(()) }
    }

    pub(crate) fn terms(&self) -> Terms {
        let s = self.vol * self.t.sqrt();
        let x = normal::ln_ratio(self.forward, self.strike);
        let (far, near) = (x / s, 0.5 * s);
        Terms {
            s,
            d1: (far + near).clamp(-FAR, FAR),
            d2: (far - near).clamp(-FAR, FAR),
            sign: sign_of(self.put_or_call),
            rate: if self.t > 0.0 { -normal::ln(self.discount) / self.t } else { 0.0 },
        }
    }

    /// The discounted value of exercising now, at least zero.
    #[must_use]
    pub fn intrinsic(&self) -> f64 {
        self.discount * (sign_of(self.put_or_call) * (self.forward - self.strike)).max(0.0)
    }

    /// The price out of the money: D [F N(d1) - K N(d2)] for a call, D [K N(-d2) - F N(-d1)] for a put; in the money the
    /// other option's price on top of [`Self::intrinsic`].
    ///
    /// # Errors
    /// As [`Self::check`].
    ///
    /// # References
    /// F. Black, "The pricing of commodity contracts", Journal of Financial Economics 3 (1976).
    pub fn price(&self) -> Result<f64, Reason> {
        self.check()?;
        finite(self.price_of_sound())
    }

    /// The price of inputs that were checked.
    pub(crate) fn price_of_sound(&self) -> f64 {
        let terms = self.terms();
        if terms.s <= 0.0 { self.intrinsic() } else { self.price_at(&terms) }
    }

    pub(crate) fn price_at(&self, terms: &Terms) -> f64 {
        let Terms { d1, d2, sign, .. } = *terms;
        self.intrinsic() + self.discount * time_value(self.forward, self.strike, sign, d1, d2)
    }

    /// The same option with forward and strike moved by `shift` (a displaced lognormal; `vol` is that of forward + shift).
    /// Its price and greeks are those of the displaced option.
    #[must_use]
    pub fn displaced(self, shift: f64) -> Self {
        Self { forward: self.forward + shift, strike: self.strike + shift, ..self }
    }
}

/// A European option on a spot price with a continuous rate and yield.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlackScholes {
    /// Spot price, above zero.
    pub spot: f64,
    /// Strike, above zero.
    pub strike: f64,
    /// Years of 365 days to expiry.
    pub t: f64,
    /// Volatility a year, 1.00 = 100 %.
    pub vol: f64,
    /// Continuous rate a year of the money.
    pub rate: f64,
    /// Continuous yield a year of the asset (dividends, lending, the coin's own rate).
    pub asset_yield: f64,
    /// Put or call.
    pub put_or_call: PutOrCall,
}

impl BlackScholes {
    /// The same option on its forward: F = S exp((r - q) t), D = exp(-r t).
    #[must_use]
    pub fn on_forward(&self) -> Black76 {
        Black76 {
            forward: self.spot * normal::exp((self.rate - self.asset_yield) * self.t),
            strike: self.strike,
            t: self.t,
            vol: self.vol,
            discount: normal::exp(-self.rate * self.t),
            put_or_call: self.put_or_call,
        }
    }

    /// The price.
    ///
    /// # Errors
    /// As [`Black76::check`], for the option on the forward; a spot price is refused as `BadForward`.
    pub fn price(&self) -> Result<f64, Reason> {
        self.on_forward().price()
    }
}
