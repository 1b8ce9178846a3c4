//! SVI: the total variance of one expiry as five numbers, `w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2))`.
//!
//! Owns the curve, its density factor, its jump-wing form and the proof that it holds no butterfly. `k` is the log of
//! strike over forward, `w` is variance times years. It refuses parameters that give a negative variance.
//!
//! Gatheral, Jacquier, "Arbitrage-free SVI volatility surfaces", 2014: equations 3.1, 3.5 and lemma 2.2.

pub(crate) mod fit;
pub(crate) mod least_squares;

pub use fit::VariancePoint;

use tiderace_types::Reason;

use crate::black::finite;

/// The steepest wing a variance may have: beyond it the moment that pays for a strike is infinite (Lee, 2004).
pub const WING_SLOPE_MAX: f64 = 2.0;

/// One expiry's total variance, raw form. Built by [`Svi::new`], so that the variance is never below zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Svi {
    a: f64,
    b: f64,
    rho: f64,
    m: f64,
    sigma: f64,
}

/// The same slice in a trader's words; `v` and `v_min` are variances a year, the rest are scaled by `sqrt(v t)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JumpWings {
    /// Variance at the money.
    pub v: f64,
    /// Skew at the money.
    pub psi: f64,
    /// Slope of the left wing.
    pub p: f64,
    /// Slope of the right wing.
    pub c: f64,
    /// The least variance.
    pub v_min: f64,
}

/// Value and first two derivatives of the total variance in `k`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jet {
    pub(crate) w: f64,
    pub(crate) w1: f64,
    pub(crate) w2: f64,
}

impl Jet {
    /// The jet of the curve that lies a `share` of the way from this one to another.
    pub(crate) fn toward(self, other: Self, share: f64) -> Self {
        let mix = |x: f64, y: f64| x + share * (y - x);
        Self { w: mix(self.w, other.w), w1: mix(self.w1, other.w1), w2: mix(self.w2, other.w2) }
    }

    /// The factor `g(k)` of the density: negative where a butterfly costs less than nothing.
    pub(crate) fn density_g(self, k: f64) -> f64 {
        let first = 1.0 - 0.5 * k * self.w1 / self.w;
        first * first - 0.25 * self.w1 * self.w1 * (1.0 / self.w + 0.25) + 0.5 * self.w2
    }
}

impl Svi {
    /// A slice.
    ///
    /// # Errors
    /// [`Reason::NotANumber`] unless all are finite; [`Reason::BadSlice`] unless `b >= 0`, `|rho| < 1`, `sigma > 0` and the
    /// least variance is not below zero.
    pub fn new(a: f64, b: f64, rho: f64, m: f64, sigma: f64) -> Result<Self, Reason> {
        let slice = Self { a, b, rho, m, sigma };
        if ![a, b, rho, m, sigma].iter().all(|x| x.is_finite()) {
            return Err(Reason::NotANumber);
        }
        if !(b >= 0.0 && rho.abs() < 1.0 && sigma > 0.0) {
            return Err(Reason::BadSlice);
        }
        let least = slice.least();
        if !least.is_finite() {
            return Err(Reason::NotANumber);
        }
        // The least variance of a curve that touches zero may round a hair below it.
        if least >= -1e-15 * (1.0 + a.abs()) { Ok(slice) } else { Err(Reason::BadSlice) }
    }

    /// The five parameters `a b rho m sigma`.
    #[must_use]
    pub const fn params(&self) -> [f64; 5] {
        [self.a, self.b, self.rho, self.m, self.sigma]
    }

    /// Total variance at the log-moneyness `k`; NaN in, NaN out.
    #[must_use]
    pub fn total_variance(&self, k: f64) -> f64 {
        let y = k - self.m;
        let root = (y * y + self.sigma * self.sigma).sqrt();
        let w = self.a + self.b * (self.rho * y + root);
        if w < 0.0 { 0.0 } else { w }
    }

    /// Total variance at the log-moneyness `k`, for somebody outside: a number, or why there is none.
    ///
    /// # Errors
    /// [`Reason::NotANumber`] where `k` is not finite, or lies so far out that the variance is not.
    pub fn checked_total_variance(&self, k: f64) -> Result<f64, Reason> {
        finite(self.total_variance(k))
    }

    /// The factor `g(k)` of the density, for somebody outside: a number, or why there is none.
    ///
    /// # Errors
    /// [`Reason::NotANumber`] as [`Svi::checked_total_variance`]; [`Reason::BadVol`] where the variance there is zero.
    pub fn checked_density_g(&self, k: f64) -> Result<f64, Reason> {
        let w = self.checked_total_variance(k)?;
        if w <= 0.0 {
            return Err(Reason::BadVol);
        }
        finite(self.density_g(k))
    }

    /// The least total variance of the slice.
    #[must_use]
    pub fn least(&self) -> f64 {
        self.a + self.b * self.sigma * (1.0 - self.rho * self.rho).sqrt()
    }

    /// Slopes of the total variance far to the left and far to the right, both as numbers not below zero.
    #[must_use]
    pub fn wing_slopes(&self) -> [f64; 2] {
        [self.b * (1.0 - self.rho), self.b * (1.0 + self.rho)]
    }

    pub(crate) fn jet(&self, k: f64) -> Jet {
        let y = k - self.m;
        let root = (y * y + self.sigma * self.sigma).sqrt();
        let sine = y / root;
        let cosine = self.sigma / root;
        Jet {
            w: self.a + self.b * (self.rho * y + root),
            w1: self.b * (self.rho + sine),
            w2: self.b * cosine * cosine / root,
        }
    }

    /// The factor `g(k)` of the risk-neutral density: the slice holds no butterfly where it is nowhere negative and
    /// the wings are not too steep.
    #[must_use]
    pub fn density_g(&self, k: f64) -> f64 {
        self.jet(k).density_g(k)
    }

    /// Jump wings at `t` years.
    ///
    /// # Errors
    /// [`Reason::BadTime`] where `t` is not above zero, [`Reason::BadVol`] where the variance at the money is not, and
    /// [`Reason::NotANumber`] where a number in or out is not finite.
    pub fn jump_wings(&self, t: f64) -> Result<JumpWings, Reason> {
        check_time(t)?;
        let at_money = self.checked_total_variance(0.0)?;
        if at_money <= 0.0 {
            return Err(Reason::BadVol);
        }
        let root = at_money.sqrt();
        let distance = self.m.hypot(self.sigma);
        let [left, right] = self.wing_slopes();
        Ok(JumpWings {
            v: finite(at_money / t)?,
            psi: finite(0.5 * self.b / root * (self.rho - self.m / distance))?,
            p: finite(left / root)?,
            c: finite(right / root)?,
            // A slice that touches zero may round a hair below it.
            v_min: finite(self.least().max(0.0) / t)?,
        })
    }

    /// The raw slice of jump wings at `t` years.
    ///
    /// # Errors
    /// [`Reason::NotANumber`] unless all are finite, [`Reason::BadTime`] where `t` is not above zero, [`Reason::BadWings`]
    /// where no slice has these wings, or more than one: with `psi` zero the least variance is `v` whatever the curvature.
    pub fn from_jump_wings(wings: JumpWings, t: f64) -> Result<Self, Reason> {
        let JumpWings { v, psi, p, c, v_min } = wings;
        if ![v, psi, p, c, v_min].iter().all(|x| x.is_finite()) {
            return Err(Reason::NotANumber);
        }
        check_time(t)?;
        let is_tilted = -0.5 * p < psi && psi < 0.5 * c && psi.abs() > 0.0;
        if !(v > 0.0 && p > 0.0 && c > 0.0 && is_tilted && (0.0..v).contains(&v_min)) {
            return Err(Reason::BadWings);
        }
        let root = (v * t).sqrt();
        let b = 0.5 * root * (c + p);
        let rho = 1.0 - p * root / b;
        let beta = rho - 2.0 * psi * root / b;
        let sine = (1.0 - beta * beta).sqrt();
        let rise = (v - v_min) * t;
        // With m = beta h and sigma = sine h, the rise from the least point is b h (1 - rho beta - sine sqrt(1 - rho^2)).
        let distance = rise / (b * (1.0 - rho * beta - sine * (1.0 - rho * rho).sqrt()));
        let sigma = sine * distance;
        // What is within the rule may still be too near to its edge for doubles.
        Self::new(v_min * t - b * sigma * (1.0 - rho * rho).sqrt(), b, rho, beta * distance, sigma)
            .map_err(|_| Reason::BadWings)
    }

    /// Fits a slice to total variances `w` at log-moneyness `k`, free of butterflies; `weights` default to one.
    ///
    /// # Errors
    /// [`Reason::TooFewQuotes`] below five usable points, [`Reason::TooFewStrikes`] where they lie at fewer than five
    /// strikes, [`Reason::BadSurface`] where lengths differ or no slice free of butterflies was found.
    pub fn fit(k: &[f64], w: &[f64], weights: Option<&[f64]>) -> Result<Self, Reason> {
        fit::variances(k, w, weights)
    }

    /// Whether the slice holds no butterfly: `g` on a grid that reaches far into both wings, and the wings themselves.
    #[must_use]
    pub fn is_butterfly_free(&self) -> bool {
        let slopes = self.wing_slopes();
        slopes[0].max(slopes[1]) <= WING_SLOPE_MAX
            && self.least() > 0.0
            && self.grid(128, 9.0).all(|k| self.density_g(k) >= -1e-9)
    }

    /// Points `m + sigma sinh(u)`: dense at the bend, and far out where only the wings are left.
    pub(crate) fn grid(&self, steps: u32, reach: f64) -> impl Iterator<Item = f64> {
        let (m, sigma) = (self.m, self.sigma);
        (0..=2 * steps).map(move |i| m + sigma * (reach * (f64::from(i) / f64::from(steps) - 1.0)).sinh())
    }

    /// Whether this slice's total variance is nowhere below that of an `earlier` one.
    #[must_use]
    pub fn is_above(&self, earlier: &Self) -> bool {
        let [left, right] = self.wing_slopes();
        let [left_before, right_before] = earlier.wing_slopes();
        left >= left_before * (1.0 - 1e-12)
            && right >= right_before * (1.0 - 1e-12)
            && self.shortfall(earlier, 0.0) <= 0.0
    }

    /// How far this slice lies below `1 + margin` times an earlier one, at worst; below zero where it lies above.
    ///
    /// Where the gap falls and then rises between two points of the grid, its least is taken to be where the tangents
    /// meet: not above the true one where the gap is convex, as it is about its least.
    pub(crate) fn shortfall(&self, earlier: &Self, margin: f64) -> f64 {
        let gap = |k: f64| {
            let (jet, before) = (self.jet(k), earlier.jet(k));
            (k, jet.w - before.w * (1.0 + margin), jet.w1 - before.w1 * (1.0 + margin))
        };
        let mut worst = f64::NEG_INFINITY;
        let mut last: Option<(f64, f64, f64)> = None;
        let mut visit = |k: f64| {
            let here = gap(k);
            worst = worst.max(-here.1);
            if let Some((k_last, w, falling)) = last.filter(|last| last.2 < 0.0 && here.2 > 0.0 && last.0 < k) {
                let meet = (w - here.1 + here.2 * k - falling * k_last) / (here.2 - falling);
                worst = worst.max(-(w + falling * (meet - k_last)));
            }
            last = Some(here);
        };
        self.grid(48, 9.0).for_each(&mut visit);
        earlier.grid(48, 9.0).for_each(visit);
        worst
    }
}

fn check_time(t: f64) -> Result<(), Reason> {
    if !t.is_finite() {
        return Err(Reason::NotANumber);
    }
    if t > 0.0 { Ok(()) } else { Err(Reason::BadTime) }
}
