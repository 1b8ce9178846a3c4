//! The out-of-the-money option in units of its forward: price by total variance, and back.

use crate::normal::{cdf, pdf};

/// An out-of-the-money option at log-moneyness `k`, priced in units of the forward, undiscounted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OtmPrice {
    pub(crate) k: f64,
    strike: f64,
}

impl OtmPrice {
    pub(crate) fn new(k: f64) -> Self {
        Self { k, strike: k.exp() }
    }

    /// The price of a put less the price of a call: what put-call parity adds to a call to make it a put.
    pub(crate) fn put_less_call(self) -> f64 {
        self.strike - 1.0
    }

    /// Price at the total variance `w`, and its slope in `w`.
    pub(crate) fn at(self, w: f64) -> (f64, f64) {
        let sd = w.sqrt();
        let d1 = 0.5 * sd - self.k / sd;
        let d2 = d1 - sd;
        let by_variance = 0.5 * pdf(d1) / sd;
        let sign = if self.k >= 0.0 { 1.0 } else { -1.0 };
        ((sign * (cdf(sign * d1) - self.strike * cdf(sign * d2))).max(0.0), by_variance)
    }
}

/// The deviation (vol times root of time) that a price implies; `None` where there is none.
pub(crate) fn implied_sd(option: OtmPrice, price: f64) -> Option<f64> {
    let bound = if option.k >= 0.0 { 1.0 } else { option.strike };
    if !(price > 0.0 && price < bound) {
        return None;
    }
    // Newton from the inflection of the price in the deviation converges from either side without overshooting.
    let mut sd = (2.0 * option.k.abs()).sqrt().max(1e-4 + price);
    for _ in 0..60 {
        let (value, by_variance) = option.at(sd * sd);
        let next = sd - (value - price) / (2.0 * sd * by_variance);
        if !next.is_finite() {
            return None;
        }
        let next = next.max(0.2 * sd);
        if (next - sd).abs() <= 1e-10 * sd {
            return Some(next);
        }
        sd = next;
    }
    None
}
