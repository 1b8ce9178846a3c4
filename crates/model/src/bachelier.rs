//! Options on a forward that moves in absolute steps (Bachelier 1900): forward and strike may be zero or negative.

use tiderace_types::{PutOrCall, Reason};

use crate::black::{finite, sign_of};
use crate::greeks::Greeks;
use crate::normal;

/// A European option on a normally distributed forward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bachelier {
    /// Forward price, any sign.
    pub forward: f64,
    /// Strike, any sign.
    pub strike: f64,
    /// Years of 365 days to expiry.
    pub t: f64,
    /// Volatility in price units a square root of a year.
    pub vol: f64,
    /// Value today of one unit paid at expiry.
    pub discount: f64,
    /// Put or call.
    pub put_or_call: PutOrCall,
}

impl Bachelier {
    /// Whether the inputs can be priced, checked in this order: finite, time, volatility, discount.
    ///
    /// # Errors
    /// `NotANumber`, `BadTime`, `BadVol`, `BadDiscount`.
    pub fn check(&self) -> Result<(), Reason> {
        let all = [self.forward, self.strike, self.t, self.vol, self.discount];
        if all.iter().any(|value| !value.is_finite()) {
            return Err(Reason::NotANumber);
        }
        let rules = [
            (self.t >= 0.0, Reason::BadTime),
            (self.vol >= 0.0, Reason::BadVol),
            (self.discount > 0.0, Reason::BadDiscount),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, reason)| Err(reason))
    }

    /// The price: D s [d N(d) + n(d)], s = vol sqrt(t), d = (F - K) / s for a call and its negative for a put.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn price(&self) -> Result<f64, Reason> {
        self.check()?;
        let gain = sign_of(self.put_or_call) * (self.forward - self.strike);
        let s = self.vol * self.t.sqrt();
        if s <= 0.0 {
            return finite(self.discount * gain.max(0.0));
        }
        finite(self.discount * time_value(gain, s))
    }

    /// Price and greeks.
    ///
    /// # Errors
    /// As [`Self::check`]; `BadTime` and `BadVol` at zero too; `NotANumber` where a greek leaves the range of a double.
    pub fn greeks(&self) -> Result<Greeks, Reason> {
        let price = self.price()?;
        if self.t <= 0.0 {
            return Err(Reason::BadTime);
        }
        if self.vol <= 0.0 {
            return Err(Reason::BadVol);
        }
        let sign = sign_of(self.put_or_call);
        let root_t = self.t.sqrt();
        let s = self.vol * root_t;
        let d = ((self.forward - self.strike) / s).clamp(-1e100, 1e100);
        let rate = -normal::ln(self.discount) / self.t;
        let density = self.discount * normal::pdf(d);
        let delta = self.discount * sign * normal::cdf(sign * d);
        let gamma = density / s;
        let vega = density * root_t;
        Greeks {
            price,
            delta,
            gamma,
            vega,
            theta: rate * price - vega * self.vol / (2.0 * self.t),
            rho: -self.t * price,
            vanna: -density * d / self.vol,
            volga: vega * d * d / self.vol,
            charm: rate * delta + density * d / (2.0 * self.t),
            speed: -gamma * d / s,
        }
        .checked()
    }
}

fn time_value(gain: f64, s: f64) -> f64 {
    let d = gain / s;
    if d.abs() > 40.0 {
        return gain.max(0.0);
    }
    (gain * normal::cdf(d) + s * normal::pdf(d)).max(0.0)
}
