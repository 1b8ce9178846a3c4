//! Cash-or-nothing digitals: one unit of money at expiry when the forward ends strictly beyond the strike.

use tiderace_types::{PutOrCall, Reason};

use crate::black::{Black76, finite};
use crate::greeks::Greeks;
use crate::normal;

impl Black76 {
    /// The price of a digital that pays one: D N(d2) for a call, D N(-d2) for a put; at expiry D when strictly beyond.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn digital_price(&self) -> Result<f64, Reason> {
        self.check()?;
        let terms = self.terms();
        if terms.s > 0.0 {
            return finite(self.discount * normal::cdf(terms.sign * terms.d2));
        }
        let pays = match self.put_or_call {
            PutOrCall::Call => self.forward > self.strike,
            PutOrCall::Put => self.forward < self.strike,
        };
        Ok(if pays { self.discount } else { 0.0 })
    }

    /// Price and greeks of a digital that pays one.
    ///
    /// # Errors
    /// As [`Self::check_open`]; `NotANumber` where a greek leaves the range of a double.
    pub fn digital_greeks(&self) -> Result<Greeks, Reason> {
        self.check_open()?;
        let terms = self.terms();
        let (s, d1, d2) = (terms.s, terms.d1, terms.d2);
        let price = self.discount * normal::cdf(terms.sign * d2);
        let density = terms.sign * self.discount * normal::pdf(d2);
        let delta = density / (self.forward * s);
        let gamma = -delta * d1 / (self.forward * s);
        Greeks {
            price,
            delta,
            gamma,
            vega: -density * d1 / self.vol,
            theta: terms.rate * price + density * d1 / (2.0 * self.t),
            rho: -self.t * price,
            vanna: delta * (d1 * d2 - 1.0) / self.vol,
            volga: -density * (d1 * d1 * d2 - d1 - d2) / (self.vol * self.vol),
            charm: terms.rate * delta - delta * (d1 * d2 - 1.0) / (2.0 * self.t),
            speed: -delta * ((1.0 - d1 * d2) / s - 2.0 * d1) / (self.forward * self.forward * s),
        }
        .checked()
    }
}
