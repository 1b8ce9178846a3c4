//! SSVI: a whole surface from three numbers and the variances at the money, free of arbitrage by its inequalities.
//!
//! `w(k, theta) = theta / 2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2))` with the power law
//! `phi = eta theta^-gamma (1 + theta)^(gamma - 1)`. With `gamma` in `(0, 1/2]` and `eta (1 + |rho|) <= 2` no slice
//! holds a butterfly, and slices of growing `theta` never cross: Gatheral, Jacquier (2014), theorem 4.2, remark 4.4.
//! It is the anchor of a surface fit: where an expiry's quotes say nothing of its wings, the other expiries do.

use tiderace_types::Reason;

use crate::svi::Svi;
use crate::svi::fit::VariancePoint;
use crate::svi::least_squares::{Normal, minimise};

/// The three numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ssvi {
    rho: f64,
    eta: f64,
    gamma: f64,
}

/// Rounds of shape, then variances at the money.
const ROUNDS: u32 = 3;

impl Ssvi {
    /// A surface.
    ///
    /// # Errors
    /// [`Reason::BadSurface`] outside `|rho| < 1`, `gamma` in `(0, 1/2]`, `eta > 0` and `eta (1 + |rho|) <= 2`.
    pub fn new(rho: f64, eta: f64, gamma: f64) -> Result<Self, Reason> {
        let is_free = rho.abs() < 1.0 && gamma > 0.0 && gamma <= 0.5 && eta > 0.0 && eta * (1.0 + rho.abs()) <= 2.0;
        if is_free { Ok(Self { rho, eta, gamma }) } else { Err(Reason::BadSurface) }
    }

    /// `rho eta gamma`.
    #[must_use]
    pub const fn params(&self) -> [f64; 3] {
        [self.rho, self.eta, self.gamma]
    }

    fn phi(&self, theta: f64) -> f64 {
        self.eta * theta.powf(-self.gamma) * (1.0 + theta).powf(self.gamma - 1.0)
    }

    /// Total variance at log-moneyness `k` on the slice of total variance `theta` at the money.
    #[must_use]
    pub fn total_variance(&self, k: f64, theta: f64) -> f64 {
        variance(self.rho, self.phi(theta), k, theta)
    }

    /// The slice of total variance `theta` at the money, as a raw SVI.
    ///
    /// # Errors
    /// [`Reason::BadSurface`] where `theta` is not above zero.
    pub fn slice(&self, theta: f64) -> Result<Svi, Reason> {
        if !(theta > 0.0 && theta.is_finite()) {
            return Err(Reason::BadSurface);
        }
        let (phi, across) = (self.phi(theta), 1.0 - self.rho * self.rho);
        Svi::new(0.5 * theta * across, 0.5 * theta * phi, self.rho, -self.rho / phi, across.sqrt() / phi)
    }

    /// Fits a surface to the variances of several expiries, in order of time: the surface, and each expiry's variance
    /// at the money (never falling). Outliers pull no more than near misses.
    ///
    /// # Errors
    /// [`Reason::TooFewQuotes`] where an expiry has no point or there are none, [`Reason::NotANumber`] where a number is
    /// out of any market's range.
    pub fn fit(slices: &[Vec<VariancePoint>]) -> Result<(Self, Vec<f64>), Reason> {
        if !slices.iter().flatten().all(VariancePoint::is_usable) {
            return Err(Reason::NotANumber);
        }
        let at_money = |points: &Vec<VariancePoint>| {
            points
                .iter()
                .min_by(|x, y| x.k.abs().total_cmp(&y.k.abs()))
                .map(|point| point.w)
                .ok_or(Reason::TooFewQuotes)
        };
        let mut thetas = slices.iter().map(at_money).collect::<Result<Vec<f64>, Reason>>()?;
        if thetas.is_empty() {
            return Err(Reason::TooFewQuotes);
        }
        never_falling(&mut thetas);
        let mut x = [0.0, 0.0, 1.0];
        for _ in 0..ROUNDS {
            x = minimise(x, 8, 1e-3, |x, normal| shape_rows(x, slices, &thetas, normal)).0;
            let shape = Self::of_free(&x);
            for (theta, points) in thetas.iter_mut().zip(slices) {
                let start = [theta.ln()];
                let ([log], _) = minimise(start, 6, 1e-3, |x, normal| level_rows(*x, &shape, points, normal));
                *theta = log.exp();
            }
            never_falling(&mut thetas);
        }
        Ok((Self::of_free(&x), thetas))
    }

    /// Any three numbers as a surface within its inequalities.
    fn of_free(x: &[f64; 3]) -> Self {
        let [rho, eta, gamma] = x.map(|x| x.clamp(-8.0, 8.0));
        let rho = 0.999 * rho.tanh();
        let part = |x: f64| 1.0 / (1.0 + (-x).exp());
        Self { rho, eta: 2.0 / (1.0 + rho.abs()) * part(eta), gamma: 0.5 * part(gamma) }
    }
}

fn variance(rho: f64, phi: f64, k: f64, theta: f64) -> f64 {
    let y = phi * k;
    0.5 * theta * (1.0 + rho * y + ((y + rho) * (y + rho) + 1.0 - rho * rho).sqrt())
}

/// Rows of the three numbers; their slopes by differences, since three are few.
fn shape_rows(x: &[f64; 3], slices: &[Vec<VariancePoint>], thetas: &[f64], normal: &mut Normal<3>) {
    const STEP: f64 = 1e-5;
    let here = Ssvi::of_free(x);
    let [x0, x1, x2] = *x;
    let near = [[x0 + STEP, x1, x2], [x0, x1 + STEP, x2], [x0, x1, x2 + STEP]].map(|x| Ssvi::of_free(&x));
    for (points, theta) in slices.iter().zip(thetas) {
        let phi = here.phi(*theta);
        let near = near.map(|shape| (shape.rho, shape.phi(*theta)));
        for point in points {
            let scale = point.weight.sqrt();
            let w = variance(here.rho, phi, point.k, *theta);
            let slope = near.map(|(rho, phi)| (variance(rho, phi, point.k, *theta) - w) * scale / STEP);
            normal.add_huber((w - point.w) * scale, &slope);
        }
    }
}

/// Rows of one slice's level.
fn level_rows([log]: [f64; 1], shape: &Ssvi, points: &[VariancePoint], normal: &mut Normal<1>) {
    const STEP: f64 = 1e-5;
    let (theta, above) = (log.exp(), (log + STEP).exp());
    let (phi, phi_above) = (shape.phi(theta), shape.phi(above));
    for point in points {
        let scale = point.weight.sqrt();
        let w = variance(shape.rho, phi, point.k, theta);
        let slope = (variance(shape.rho, phi_above, point.k, above) - w) * scale / STEP;
        normal.add_huber((w - point.w) * scale, &[slope]);
    }
}

/// The least-squares sequence that never falls: neighbours out of order are pooled at their mean.
fn never_falling(values: &mut [f64]) {
    let mut pools: Vec<(f64, u32)> = Vec::with_capacity(values.len());
    for value in values.iter() {
        let mut pool = (*value, 1_u32);
        while let Some((mean, count)) = pools.pop_if(|last| last.0 > pool.0) {
            let total = pool.1.saturating_add(count);
            pool = ((mean * f64::from(count) + pool.0 * f64::from(pool.1)) / f64::from(total), total);
        }
        pools.push(pool);
    }
    let pooled = pools.into_iter().flat_map(|(mean, count)| (0..count).map(move |_| mean));
    for (value, mean) in values.iter_mut().zip(pooled) {
        *value = mean;
    }
}
