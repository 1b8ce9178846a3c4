//! A vol surface: one SVI slice an expiry, with a version and a time, free of arbitrage as a whole.
//!
//! Invariants, checked when it is built and again when its bytes are read: slices stand by time; none holds a
//! butterfly; total variance at each log-moneyness never falls with time. Between two expiries total variance is
//! linear in weighted time at equal log-moneyness; before the first it shrinks to zero. It speaks neither of the past
//! nor of what lies beyond its last expiry, and a caller that must not use an old one asks [`Surface::check_age`].

mod codec;
mod fit;

pub use fit::{Fit, FitOptions};

use tiderace_types::Reason;

use crate::chain::{DayWeights, Style};
use crate::otm::OtmPrice;
use crate::svi::Svi;

/// How well a slice meets its quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quality {
    /// Quotes that the fit used.
    pub quotes: u32,
    /// Of those, the quotes with a delta of 0.05 to 0.95.
    pub judged: u32,
    /// Of the judged, the quotes whose middle is within half the spread of the slice.
    pub inside: u32,
    /// Root mean square of the vol error over the judged quotes, each weighted by its vega; decimal (0.01 = one point).
    pub rmse_vol: f64,
}

/// One expiry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slice {
    /// The expiry's key.
    pub expiry: i64,
    /// Years of 365 days to it: what vols are quoted in.
    pub t: f64,
    /// Weighted years to it: what variance is interpolated in.
    pub t_weighted: f64,
    /// Forward.
    pub forward: f64,
    /// Value now of one paid then.
    pub discount: f64,
    /// Total variance by log-moneyness.
    pub svi: Svi,
    /// Its fit.
    pub quality: Quality,
}

/// The slices of one underlying at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Surface {
    version: u64,
    ts_ns: i64,
    style: Style,
    weights: DayWeights,
    slices: Vec<Slice>,
}

/// Where a surface was found to allow arbitrage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Violation {
    /// The slice, by position; a calendar violation lies between it and the one before.
    pub slice: usize,
    /// Log-moneyness.
    pub k: f64,
    /// The density factor, or the fall of total variance, below zero.
    pub amount: f64,
}

impl Surface {
    /// A surface of slices in order of time.
    ///
    /// # Errors
    /// [`Reason::BadSurface`] where there is no slice, one is out of order or out of range, or arbitrage was found.
    pub fn new(
        version: u64,
        ts_ns: i64,
        style: Style,
        weights: DayWeights,
        slices: Vec<Slice>,
    ) -> Result<Self, Reason> {
        let is_positive = |x: f64| x > 0.0 && x.is_finite();
        let is_slice = |s: &Slice| [s.t, s.t_weighted, s.forward, s.discount].into_iter().all(is_positive);
        let is_ordered = slices.is_sorted_by(|x, y| x.expiry < y.expiry && x.t < y.t && x.t_weighted <= y.t_weighted);
        let surface = Self { version, ts_ns, style, weights, slices };
        let is_whole = !surface.slices.is_empty() && is_ordered && surface.slices.iter().all(is_slice);
        if is_whole && surface.is_free() { Ok(surface) } else { Err(Reason::BadSurface) }
    }

    fn is_free(&self) -> bool {
        let pairs = self.slices.windows(2);
        self.slices.iter().all(|slice| slice.svi.is_butterfly_free())
            && pairs.into_iter().all(|pair| matches!(pair, [x, y] if y.svi.is_above(&x.svi)))
    }

    /// The version: higher is newer.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// When its quotes were taken, UTC nanoseconds.
    #[must_use]
    pub const fn ts_ns(&self) -> i64 {
        self.ts_ns
    }

    /// How its options settle.
    #[must_use]
    pub const fn style(&self) -> Style {
        self.style
    }

    /// The slices, by time.
    #[must_use]
    pub fn slices(&self) -> &[Slice] {
        &self.slices
    }

    /// The slice of an expiry.
    #[must_use]
    pub fn slice(&self, expiry: i64) -> Option<&Slice> {
        self.slices.binary_search_by_key(&expiry, |slice| slice.expiry).ok().and_then(|at| self.slices.get(at))
    }

    /// Whether the surface may be used at `now_ns`.
    ///
    /// # Errors
    /// [`Reason::StaleSurface`] where it is older than `age_ns_max`, or from the future by more than that.
    pub const fn check_age(&self, now_ns: i64, age_ns_max: u64) -> Result<(), Reason> {
        if now_ns.abs_diff(self.ts_ns) > age_ns_max { Err(Reason::StaleSurface) } else { Ok(()) }
    }

    /// Weighted years from the surface to a time, by the weights of its days.
    ///
    /// # Errors
    /// [`Reason::OutsideSurface`] for a time not after the surface's.
    pub fn weighted_years(&self, ts_ns: i64) -> Result<f64, Reason> {
        if ts_ns <= self.ts_ns {
            return Err(Reason::OutsideSurface);
        }
        self.weights.years(self.ts_ns, ts_ns)
    }

    /// Total variance at log-moneyness `k` after `t_weighted` weighted years.
    ///
    /// # Errors
    /// [`Reason::OutsideSurface`] for a time not above zero or past the last expiry, [`Reason::NotANumber`] for a `k`
    /// that is not finite.
    pub fn total_variance(&self, k: f64, t_weighted: f64) -> Result<f64, Reason> {
        if !k.is_finite() {
            return Err(Reason::NotANumber);
        }
        let (before, after, share) = self.between(t_weighted)?;
        let near = before.map_or(0.0, |slice| slice.svi.total_variance(k));
        Ok(near + share * (after.svi.total_variance(k) - near))
    }

    /// The forward after `t_weighted` weighted years: its logarithm is linear between expiries, flat before the first.
    ///
    /// # Errors
    /// [`Reason::OutsideSurface`] as for [`Surface::total_variance`].
    pub fn forward(&self, t_weighted: f64) -> Result<f64, Reason> {
        let (before, after, share) = self.between(t_weighted)?;
        let near = before.map_or(after.forward, |slice| slice.forward);
        Ok(near * (after.forward / near).powf(share))
    }

    /// The vol of a strike at a listed expiry, decimal.
    ///
    /// # Errors
    /// [`Reason::OutsideSurface`] where the expiry is not listed, [`Reason::BadStrike`] where the strike is not above zero.
    pub fn vol(&self, expiry: i64, strike: f64) -> Result<f64, Reason> {
        let slice = self.slice(expiry).ok_or(Reason::OutsideSurface)?;
        if !(strike > 0.0 && strike.is_finite()) {
            return Err(Reason::BadStrike);
        }
        Ok((slice.svi.total_variance((strike / slice.forward).ln()) / slice.t).sqrt())
    }

    /// The price of an option at a listed expiry, in the unit of its quotes (of the coin where settled in it).
    ///
    /// # Errors
    /// As [`Surface::vol`].
    pub fn price(&self, expiry: i64, strike: f64, call: bool) -> Result<f64, Reason> {
        let slice = self.slice(expiry).ok_or(Reason::OutsideSurface)?;
        if !(strike > 0.0 && strike.is_finite()) {
            return Err(Reason::BadStrike);
        }
        let option = OtmPrice::new((strike / slice.forward).ln());
        let (out, _) = option.at(slice.svi.total_variance(option.k));
        let in_forwards = match (call, option.k >= 0.0) {
            (true, true) | (false, false) => out,
            (true, false) => out - option.put_less_call(),
            (false, true) => out + option.put_less_call(),
        };
        Ok(match self.style {
            Style::Linear => in_forwards * slice.forward * slice.discount,
            Style::Inverse => in_forwards * slice.discount,
        })
    }

    /// Searches a grid of `steps` points from `-reach` to `reach` for negative density, on every slice and on
    /// `between` surfaces between each two, and for total variance that falls with time. The worst, `None` where free.
    #[must_use]
    pub fn worst_violation(&self, reach: f64, steps: u32, between: u32) -> Option<Violation> {
        let mut worst: Option<Violation> = None;
        let mut note = |slice: usize, k: f64, amount: f64| {
            if amount < 0.0 && worst.is_none_or(|found| amount < found.amount) {
                worst = Some(Violation { slice, k, amount });
            }
        };
        for step in 0..=steps {
            let k = reach * (2.0 * f64::from(step) / f64::from(steps) - 1.0);
            let mut before: Option<&Slice> = None;
            for (at, slice) in self.slices.iter().enumerate() {
                let jet = slice.svi.jet(k);
                note(at, k, jet.density_g(k));
                if let Some(before) = before {
                    let near = before.svi.jet(k);
                    note(at, k, jet.w - near.w);
                    for part in 1..=between {
                        let share = f64::from(part) / f64::from(between + 1);
                        note(at, k, near.toward(jet, share).density_g(k));
                    }
                }
                before = Some(slice);
            }
        }
        worst
    }

    /// The slice before a time (none before the first), the slice at or after it, and how far the time lies between.
    fn between(&self, t_weighted: f64) -> Result<(Option<&Slice>, &Slice, f64), Reason> {
        if t_weighted.is_nan() || t_weighted <= 0.0 {
            return Err(Reason::OutsideSurface);
        }
        let at = self.slices.partition_point(|slice| slice.t_weighted < t_weighted);
        let after = self.slices.get(at).ok_or(Reason::OutsideSurface)?;
        let before = at.checked_sub(1).and_then(|at| self.slices.get(at));
        let start = before.map_or(0.0, |slice| slice.t_weighted);
        Ok((before, after, (t_weighted - start) / (after.t_weighted - start)))
    }
}
