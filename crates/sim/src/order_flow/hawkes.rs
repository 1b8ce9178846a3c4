//! Market orders that bring market orders: a Hawkes process with an exponential kernel (Hawkes, "Spectra of some
//! self-exciting and mutually exciting point processes", Biometrika 58, 1971).
//!
//! Each market order raises the intensity of its own side by `own_per_s` and of the other by `cross_per_s`; both fall
//! off at `decay_per_s`. One order brings `(own + cross) / decay` others at first hand, the branching ratio; at one or
//! more the flow would grow without end, and is refused. The draws are Ogata's thinning ("On Lewis' simulation method
//! for point processes", IEEE Transactions on Information Theory 27, 1981), exact since the intensity only falls
//! between events.

use tiderace_types::Side;

use super::params::{OrderFlowError, PER_S_MAX};

/// The numbers of the excitation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Excitation {
    /// What a market order adds to the intensity of its own side.
    pub own_per_s: f64,
    /// What it adds to that of the other side.
    pub cross_per_s: f64,
    /// How fast both fall off.
    pub decay_per_s: f64,
}

impl Excitation {
    /// Orders that one order brings at first hand.
    #[must_use]
    pub fn branching_ratio(&self) -> f64 {
        (self.own_per_s + self.cross_per_s) / self.decay_per_s
    }

    pub(super) fn check(self) -> Result<(), OrderFlowError> {
        let is_rate = |rate: f64| (0.0..=PER_S_MAX).contains(&rate);
        if !is_rate(self.own_per_s) || !is_rate(self.cross_per_s) || !is_rate(self.decay_per_s) {
            return Err(OrderFlowError { key: "excitation", rule: "0 to a million a second" });
        }
        if self.branching_ratio() < 1.0 {
            return Ok(());
        }
        Err(OrderFlowError { key: "excitation", rule: "of a branching ratio (own + cross) / decay below 1" })
    }
}

/// How excited each side is now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Excited {
    pub(super) buy: f64,
    pub(super) sell: f64,
}

impl Excited {
    pub(super) fn pass(&mut self, seconds: f64, terms: Option<Excitation>) {
        let left = terms.map_or(0.0, |terms| libm::exp(-terms.decay_per_s * seconds));
        self.buy *= left;
        self.sell *= left;
    }

    pub(super) fn jump(&mut self, side: Side, terms: Option<Excitation>) {
        let Some(terms) = terms else { return };
        let (buy, sell) = match side {
            Side::Buy => (terms.own_per_s, terms.cross_per_s),
            Side::Sell => (terms.cross_per_s, terms.own_per_s),
        };
        self.buy += buy;
        self.sell += sell;
    }
}
