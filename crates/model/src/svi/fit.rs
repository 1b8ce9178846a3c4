//! Fits one SVI slice, to total variances or to prices, free of butterflies and between two neighbours in time.
//!
//! The start is the best of a small grid of bends, each with its linear least squares; then Levenberg-Marquardt on
//! parameters that cannot leave the domain (logarithms, a hyperbolic tangent). Arbitrage is a cost that is raised until
//! a dense check finds none; a slice that is never free is refused.

#![expect(clippy::indexing_slicing, reason = "indices run over the five parameters")]

use tiderace_types::Reason;

use super::least_squares::{Normal, minimise, solve};
use super::{Jet, Svi, WING_SLOPE_MAX};
use crate::otm::{self, OtmPrice};

/// A slice has five parameters, and so asks for five points.
pub(crate) const POINTS_MIN: usize = 5;

/// One quote of a slice, in prices of the forward: the out-of-the-money side of its strike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PricePoint {
    pub(crate) price: OtmPrice,
    /// The middle of the quote.
    pub(crate) mid: f64,
    /// Half the spread.
    pub(crate) half: f64,
    /// Whether its delta is below 0.05 or above 0.95.
    pub(crate) is_far: bool,
}

impl VariancePoint {
    /// Whether the numbers are such as a market could have: beyond them squares overflow.
    pub(crate) fn is_usable(&self) -> bool {
        self.k.abs() <= 50.0 && (1e-12..=100.0).contains(&self.w) && (f64::MIN_POSITIVE..=1e300).contains(&self.weight)
    }
}

/// The slices before and after, which the fitted one must lie between.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Neighbours {
    pub(crate) earlier: Option<Svi>,
    pub(crate) later: Option<Svi>,
}

/// Where a fit starts and would stay, and how hard it is held there, in half spreads a unit of a free number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    pub(crate) svi: Svi,
    pub(crate) hold: f64,
    /// Weight of quotes far from the money: a tick is small there, and to fit it bends what matters.
    pub(crate) far: f64,
}

/// A point in total variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VariancePoint {
    /// Log-moneyness.
    pub k: f64,
    /// Total variance.
    pub w: f64,
    /// Weight of the square of its error.
    pub weight: f64,
}

/// How hard arbitrage is punished, and how far from it the fit stays.
#[derive(Clone, Copy, Debug)]
struct Guard {
    neighbours: Neighbours,
    cost: f64,
    margin: f64,
}

/// Which free numbers are pulled to the anchor's: wings beyond the last strike are anybody's guess, and should be the
/// guess of all expiries together. The level and the slope are the quotes' own.
const CALM: [f64; 5] = [0.0, 0.0, 1.0, 1.0, 1.0];

/// Costs tried in turn, until the slice is free.
const GUARDS: [(f64, f64); 4] = [(30.0, 1e-3), (300.0, 3e-3), (3_000.0, 1e-2), (30_000.0, 5e-2)];

pub(crate) fn variances(k: &[f64], w: &[f64], weights: Option<&[f64]>) -> Result<Svi, Reason> {
    if k.len() != w.len() || weights.is_some_and(|weights| weights.len() != k.len()) {
        return Err(Reason::BadSurface);
    }
    let weight_of = |i: usize| weights.map_or(1.0, |weights| weights.get(i).copied().unwrap_or(0.0));
    let points: Vec<VariancePoint> = k
        .iter()
        .zip(w)
        .enumerate()
        .map(|(i, (k, w))| VariancePoint { k: *k, w: *w, weight: weight_of(i) })
        .filter(VariancePoint::is_usable)
        .collect();
    if points.len() < POINTS_MIN {
        return Err(Reason::TooFewQuotes);
    }
    if strikes(&points) < POINTS_MIN {
        return Err(Reason::TooFewStrikes);
    }
    let largest = points.iter().fold(0.0_f64, |most, point| most.max(point.weight.sqrt()));
    let (start, unit) = start(&points);
    let mut x = start;
    for (cost, margin) in GUARDS {
        let guard = Guard { neighbours: Neighbours::default(), cost: cost * 1e-2, margin };
        let fill = |x: &[f64; 5], normal: &mut Normal<5>| {
            let chart = Chart::new(x, unit);
            for point in &points {
                let scale = point.weight.sqrt() / (largest * unit * unit);
                let (w, slope) = chart.variance(point.k);
                normal.add((w - point.w) * scale, &slope.map(|s| s * scale));
            }
            guard.fill(&chart, normal);
        };
        x = minimise(x, 200, 1e-14, fill).0;
        let slice = Chart::new(&x, unit).svi;
        if slice.is_butterfly_free() {
            return Ok(slice);
        }
    }
    Err(Reason::BadSurface)
}

/// How many strikes there are: points nearer to each other than a billionth say the same.
fn strikes(points: &[VariancePoint]) -> usize {
    let mut sorted: Vec<f64> = points.iter().map(|point| point.k).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup_by(|right, left| *right - *left <= 1e-9);
    sorted.len()
}

/// Fits a slice to prices, each weighted by its spread, between its neighbours. The anchor is where the search starts
/// and, weakly, where it would stay.
pub(crate) fn prices(
    points: &[PricePoint],
    neighbours: Neighbours,
    anchor: &Anchor,
    from: &Svi,
) -> Result<Svi, Reason> {
    if points.len() < POINTS_MIN {
        return Err(Reason::TooFewQuotes);
    }
    let Anchor { svi, hold, far } = *anchor;
    let unit = svi.total_variance(0.0).sqrt();
    let calm = Chart::inverse(&svi, unit);
    let mut x = Chart::inverse(from, unit);
    for (cost, margin) in GUARDS {
        let guard = Guard { neighbours, cost, margin };
        let fill = |x: &[f64; 5], normal: &mut Normal<5>| {
            let chart = Chart::new(x, unit);
            for point in points {
                let (w, slope) = chart.variance(point.price.k);
                let (price, by_variance) = point.price.at(w);
                let scale = if point.is_far { far } else { 1.0 } / point.half;
                normal.add_huber((price - point.mid) * scale, &slope.map(|s| s * by_variance * scale));
            }
            for (at, pull) in CALM.into_iter().enumerate() {
                let pull = pull * hold;
                let mut slope = [0.0; 5];
                slope[at] = pull;
                normal.add(pull * (x[at] - calm[at]), &slope);
            }
            guard.fill(&chart, normal);
        };
        x = minimise(x, 40, 1e-4, fill).0;
        let slice = lifted(Chart::new(&x, unit).svi, neighbours.earlier);
        if slice.is_butterfly_free() && neighbours.earlier.is_none_or(|earlier| slice.is_above(&earlier)) {
            return Ok(slice);
        }
    }
    Err(Reason::BadSurface)
}

/// The points of a slice that have an implied variance, weighted by how well their spread pins it.
pub(crate) fn implied(points: &[PricePoint]) -> Vec<VariancePoint> {
    points
        .iter()
        .filter_map(|point| {
            let sd = otm::implied_sd(point.price, point.mid)?;
            let w = sd * sd;
            let (_, by_variance) = point.price.at(w);
            // A quote whose spread is as wide as its price says little of where its variance lies.
            let error = point.half / by_variance + 0.02 * w;
            Some(VariancePoint { k: point.price.k, w, weight: 1.0 / (error * error) })
        })
        .filter(VariancePoint::is_usable)
        .collect()
}

/// Raises what is left of a crossing with the earlier slice: wings first, then the level.
fn lifted(slice: Svi, earlier: Option<Svi>) -> Svi {
    let Some(earlier) = earlier else { return slice };
    let [left, right] = slice.wing_slopes();
    let [left_before, right_before] = earlier.wing_slopes();
    let (left, right) = (left.max(left_before), right.max(right_before));
    let mut next = slice;
    if left + right > slice.b * 2.0 {
        next.b = 0.5 * (left + right);
        next.rho = ((right - left) / (right + left)).clamp(-0.999_999, 0.999_999);
    }
    next.a += next.shortfall(&earlier, 1e-6).max(0.0);
    next
}

/// The best of a few bends, each with the linear fit of its level and slopes; and the scale of log-moneyness.
fn start(points: &[VariancePoint]) -> ([f64; 5], f64) {
    let at_money = points
        .iter()
        .fold((f64::INFINITY, 0.0), |near, point| if point.k.abs() < near.0 { (point.k.abs(), point.w) } else { near });
    let unit = f64::sqrt(at_money.1).max(1e-6);
    let mut best = (f64::INFINITY, [0.0; 5]);
    for m in [-1.0, -0.4, 0.0, 0.4, 1.0] {
        for sigma in [0.3, 0.8, 2.0] {
            let (cost, x) = linear(points, m * unit, sigma * unit, unit);
            if cost < best.0 {
                best = (cost, x);
            }
        }
    }
    (best.1, unit)
}

/// Weighted linear least squares of `level + tilt y + bend root` at a given bend, and its cost.
fn linear(points: &[VariancePoint], m: f64, sigma: f64, unit: f64) -> (f64, [f64; 5]) {
    let fill = |normal: &mut Normal<3>| {
        for point in points {
            let y = point.k - m;
            let root = (y * y + sigma * sigma).sqrt();
            let scale = point.weight.sqrt();
            normal.add(-point.w * scale, &[scale, y * scale, root * scale]);
        }
    };
    let [_, tilt, bend] = solve(fill).unwrap_or([0.0, 0.0, unit]);
    // The nearest curve of the family: wings that rise on both sides, and a least variance above zero.
    let b = bend.clamp(1e-3 * unit, WING_SLOPE_MAX);
    let rho = (tilt / b).clamp(-0.98, 0.98);
    let curve = |k: f64| b * (rho * (k - m) + ((k - m) * (k - m) + sigma * sigma).sqrt());
    let (sum, weight) = points.iter().fold((0.0, 0.0), |(sum, weight), point| {
        (sum + point.weight * (point.w - curve(point.k)), weight + point.weight)
    });
    let rise = b * sigma * (1.0 - rho * rho).sqrt();
    let a = (sum / weight).max(0.02 * unit * unit - rise);
    let cost = points.iter().map(|point| point.weight * (a + curve(point.k) - point.w).powi(2)).sum();
    (cost, Chart::inverse(&Svi { a, b, rho, m, sigma }, unit))
}

/// A slice as five free numbers: the logs of its least variance, `b` and `sigma`, the inverse hyperbolic tangent of
/// `rho`, and `m` in units of the deviation at the money.
struct Chart {
    svi: Svi,
    least: f64,
    unit: f64,
    /// `sqrt(1 - rho^2)`.
    across: f64,
}

impl Chart {
    fn new(x: &[f64; 5], unit: f64) -> Self {
        let [least, b, rho, m, sigma] = *x;
        let least = least.clamp(-60.0, 10.0).exp();
        let b = b.clamp(-60.0, 3.0).exp();
        let rho = rho.clamp(-6.0, 6.0).tanh();
        let sigma = sigma.clamp(-30.0, 10.0).exp();
        let across = (1.0 - rho * rho).sqrt();
        Self { svi: Svi { a: least - b * sigma * across, b, rho, m: m * unit, sigma }, least, unit, across }
    }

    fn inverse(svi: &Svi, unit: f64) -> [f64; 5] {
        [svi.least().max(1e-20).ln(), svi.b.max(1e-20).ln(), svi.rho.atanh(), svi.m / unit, svi.sigma.ln()]
    }

    /// Total variance and its slope by each free number.
    fn variance(&self, k: f64) -> (f64, [f64; 5]) {
        let Svi { a, b, rho, m, sigma } = self.svi;
        let y = k - m;
        let root = (y * y + sigma * sigma).sqrt();
        let lift = rho * y + root;
        let slope = [
            self.least,
            b * (lift - sigma * self.across),
            self.across * b * (self.across * y + sigma * rho),
            -b * (rho + y / root) * self.unit,
            b * sigma * (sigma / root - self.across),
        ];
        (a + b * lift, slope)
    }

    /// The jet at `k` and the slope of the density factor by each free number.
    fn density(&self, k: f64, jet: Jet) -> [f64; 5] {
        let Svi { b, rho, m, sigma, .. } = self.svi;
        let y = k - m;
        let root = (y * y + sigma * sigma).sqrt();
        let Jet { w, w1, w2 } = jet;
        let first = 1.0 - 0.5 * k * w1 / w;
        let by_w = first * k * w1 / (w * w) + 0.25 * w1 * w1 / (w * w);
        let by_w1 = -first * k / w - 0.5 * w1 * (1.0 / w + 0.25);
        let cubed = root * root * root;
        let ratio = sigma * sigma / (root * root);
        let w1_slope =
            [0.0, b * (rho + y / root), self.across * self.across * b, -w2 * self.unit, -b * sigma * sigma * y / cubed];
        let w2_slope = [0.0, w2, 0.0, 3.0 * w2 * y / (root * root) * self.unit, w2 * (2.0 - 3.0 * ratio)];
        let (_, mut slope) = self.variance(k);
        for ((by, first), second) in slope.iter_mut().zip(w1_slope).zip(w2_slope) {
            *by = *by * by_w + first * by_w1 + 0.5 * second;
        }
        slope
    }

    /// Slopes of the wings, and their slopes by each free number.
    fn wings(&self) -> [(f64, [f64; 5]); 2] {
        let turn = self.svi.b * self.across * self.across;
        let [left, right] = self.svi.wing_slopes();
        [(left, [0.0, left, -turn, 0.0, 0.0]), (right, [0.0, right, turn, 0.0, 0.0])]
    }
}

impl Guard {
    /// Adds a row for every point where the slice is nearer to arbitrage than the margin.
    fn fill(&self, chart: &Chart, normal: &mut Normal<5>) {
        for k in chart.svi.grid(10, 5.0) {
            let jet = chart.svi.jet(k);
            let excess = jet.density_g(k) - self.margin;
            if excess < 0.0 {
                normal.add(self.cost * excess, &chart.density(k, jet).map(|s| s * self.cost));
            }
        }
        for (slope, by) in chart.wings() {
            let excess = slope - 0.97 * WING_SLOPE_MAX;
            if excess > 0.0 {
                normal.add(self.cost * excess, &by.map(|s| s * self.cost));
            }
        }
        if let Some(earlier) = &self.neighbours.earlier {
            self.fill_between(chart, earlier, 1.0, normal);
        }
        if let Some(later) = &self.neighbours.later {
            self.fill_between(chart, later, -1.0, normal);
        }
    }

    /// Keeps the slice above (`sign` 1) or below (`sign` -1) another.
    fn fill_between(&self, chart: &Chart, other: &Svi, sign: f64, normal: &mut Normal<5>) {
        let scale = sign * self.cost / (chart.unit * chart.unit);
        for k in chart.svi.grid(6, 4.0).chain(other.grid(6, 4.0)) {
            let (w, slope) = chart.variance(k);
            // Relative to the variance there, so that far wings do not outweigh the middle.
            let scale = scale * chart.unit * chart.unit / (other.jet(k).w + 1e-12);
            let excess = (w - other.jet(k).w) * scale - self.cost * self.margin * 1e-2;
            if excess < 0.0 {
                normal.add(excess, &slope.map(|s| s * scale));
            }
        }
        for ((wing, slope), edge) in chart.wings().into_iter().zip(other.wing_slopes()) {
            let scale = scale * chart.unit;
            let excess = (wing - edge) * scale;
            if excess < 0.0 {
                normal.add(excess, &slope.map(|s| s * scale));
            }
        }
    }
}
