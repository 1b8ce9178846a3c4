//! The greeks of an option on a forward or a spot price, in closed form, and their units.
//!
//! Conventions: see each field of [`Greeks`]; other units by [`Greeks::in_units`]. Greeks need time and volatility
//! above zero; at expiry there is a price, and `BadTime` for the greeks.

use tiderace_types::Reason;

use crate::black::{Black76, BlackScholes, finite};
use crate::normal;

/// Price and sensitivities. F is the forward, and the spot price for [`BlackScholes`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Greeks {
    /// The price itself.
    pub price: f64,
    /// d price / dF, discounted.
    pub delta: f64,
    /// d delta / dF.
    pub gamma: f64,
    /// d price / d vol, per 1.00 of vol.
    pub vega: f64,
    /// d price / d time passing, a year, at a fixed rate: the discount moves.
    pub theta: f64,
    /// d price / d rate, per 1.00: -t price on a forward (which stays), strike side included on a spot price.
    pub rho: f64,
    /// d delta / d vol.
    pub vanna: f64,
    /// d vega / d vol.
    pub volga: f64,
    /// d delta / d time passing, a year.
    pub charm: f64,
    /// d gamma / dF.
    pub speed: f64,
}

/// What one unit of time, vol and rate is: factors on the greeks that are a rate in them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GreekUnits {
    /// Years a unit of time.
    pub time: f64,
    /// Vol a unit (0.01: a vol point).
    pub vol: f64,
    /// Rate a unit (0.01: one per cent).
    pub rate: f64,
}

impl GreekUnits {
    /// A year, 1.00 of vol, 1.00 of rate: how everything here is computed.
    pub const PLAIN: Self = Self { time: 1.0, vol: 1.0, rate: 1.0 };
    /// A calendar day of 365, a vol point, one per cent: how Deribit and most screens quote.
    pub const SCREEN: Self = Self { time: 1.0 / 365.0, vol: 0.01, rate: 0.01 };
}

impl Greeks {
    /// These greeks, computed in [`GreekUnits::PLAIN`], in other units.
    #[must_use]
    pub fn in_units(self, units: GreekUnits) -> Self {
        Self {
            vega: self.vega * units.vol,
            theta: self.theta * units.time,
            rho: self.rho * units.rate,
            vanna: self.vanna * units.vol,
            volga: self.volga * units.vol * units.vol,
            charm: self.charm * units.time,
            ..self
        }
    }

    /// Every number, in the order of the fields.
    #[must_use]
    pub const fn columns(&self) -> [f64; 10] {
        let Self { price, delta, gamma, vega, theta, rho, vanna, volga, charm, speed } = *self;
        [price, delta, gamma, vega, theta, rho, vanna, volga, charm, speed]
    }

    /// These greeks when every one is finite.
    pub(crate) fn checked(self) -> Result<Self, Reason> {
        for value in self.columns() {
            finite(value)?;
        }
        Ok(self)
    }
}

impl Black76 {
    /// Price and greeks.
    ///
    /// # Errors
    /// As [`Self::check_open`]; `NotANumber` where a greek leaves the range of a double.
    pub fn greeks(&self) -> Result<Greeks, Reason> {
        self.check_open()?;
        self.greeks_of_sound().checked()
    }

    pub(crate) fn greeks_of_sound(&self) -> Greeks {
        let terms = self.terms();
        let price = self.price_at(&terms);
        let root_t = self.t.sqrt();
        let density = self.discount * normal::pdf(terms.d1);
        let delta = self.discount * terms.sign * normal::cdf(terms.sign * terms.d1);
        let gamma = density / (self.forward * terms.s);
        let vega = density * self.forward * root_t;
        Greeks {
            price,
            delta,
            gamma,
            vega,
            theta: terms.rate * price - vega * self.vol / (2.0 * self.t),
            rho: -self.t * price,
            vanna: -density * terms.d2 / self.vol,
            volga: vega * terms.d1 * terms.d2 / self.vol,
            charm: terms.rate * delta + density * terms.d2 / (2.0 * self.t),
            speed: -gamma / self.forward * (1.0 + terms.d1 / terms.s),
        }
    }
}

impl BlackScholes {
    /// Price and greeks in the spot price; theta and rho at a fixed rate, yield and spot price.
    ///
    /// # Errors
    /// As [`Black76::check_open`], for the option on the forward.
    pub fn greeks(&self) -> Result<Greeks, Reason> {
        let on_forward = self.on_forward();
        on_forward.check_open()?;
        let greeks = on_forward.greeks_of_sound();
        let carry = self.rate - self.asset_yield;
        let growth = on_forward.forward / self.spot;
        let forward_delta = on_forward.forward * greeks.delta;
        // Both prices carry the rate's own theta and charm: the discount factor is exp(-r t).
        Greeks {
            delta: growth * greeks.delta,
            gamma: growth * growth * greeks.gamma,
            theta: greeks.theta - carry * forward_delta,
            rho: self.t * (forward_delta - greeks.price),
            vanna: growth * greeks.vanna,
            charm: growth * (greeks.charm - carry * (greeks.delta + on_forward.forward * greeks.gamma)),
            speed: growth * growth * growth * greeks.speed,
            ..greeks
        }
        .checked()
    }
}
