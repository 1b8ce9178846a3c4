//! What trading costs by moving the price: the published equity model, and the square-root law with its calibration.
//!
//! Owns formulae in fractions of the price; positive cost for both sides. Volumes a day, volatility a day, horizons in
//! days of trading, or any other unit of time if it is the same in all three.

use tiderace_types::Reason;

use crate::black::finite;
use crate::normal::{exp, ln};

/// What [`impact_almgren2005`] looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlmgrenOrder {
    /// Shares (or coins) to trade, above zero for a buy, below for a sale.
    pub qty: f64,
    /// Average daily volume.
    pub adv: f64,
    /// Shares (or coins) outstanding.
    pub shares_outstanding: f64,
    /// Daily volatility, a fraction.
    pub sigma: f64,
    /// Days of trading the order takes.
    pub horizon: f64,
}

/// Impact in fractions of the price, signed like the order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impact {
    /// The move that stays.
    pub permanent: f64,
    /// The concession while trading, on top.
    pub temporary: f64,
    /// The mean cost of the order: half the permanent part and the temporary one.
    pub cost: f64,
}

/// The coefficient of permanent impact of the 2005 paper.
pub const ALMGREN_GAMMA: f64 = 0.314;
/// The coefficient of temporary impact of the 2005 paper.
pub const ALMGREN_ETA: f64 = 0.142;

/// Impact of an order by the model that was fitted to 29,509 US equity orders:
/// I = gamma sigma (X/V) (Theta/V)^(1/4), J = I/2 + sgn(X) eta sigma |X/(V T)|^(3/5).
///
/// # Errors
/// `NotANumber`; `BadQuantity` when volume or shares outstanding are not above zero; `BadVol` below zero; `BadTime`
/// when the horizon is not above zero.
///
/// # References
/// R. Almgren, C. Thum, E. Hauptmann, H. Li, "Direct estimation of equity market impact" (2005).
pub fn impact_almgren2005(order: &AlmgrenOrder) -> Result<Impact, Reason> {
    let AlmgrenOrder { qty, adv, shares_outstanding, sigma, horizon } = *order;
    if [qty, adv, shares_outstanding, sigma, horizon].iter().any(|value| !value.is_finite()) {
        return Err(Reason::NotANumber);
    }
    if adv <= 0.0 || shares_outstanding <= 0.0 {
        return Err(Reason::BadQuantity);
    }
    if sigma < 0.0 {
        return Err(Reason::BadVol);
    }
    if horizon <= 0.0 {
        return Err(Reason::BadTime);
    }
    let share = qty / adv;
    let permanent = ALMGREN_GAMMA * sigma * share * (shares_outstanding / adv).sqrt().sqrt();
    let rate = (share / horizon).abs();
    let temporary = if rate > 0.0 { (ALMGREN_ETA * sigma * exp(0.6 * ln(rate))).copysign(qty) } else { 0.0 };
    Ok(Impact {
        permanent: finite(permanent)?,
        temporary: finite(temporary)?,
        cost: finite(0.5 * permanent + temporary)?,
    })
}

/// The law cost = coefficient sigma (X/V)^exponent; the exponent is near one half in every market that was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// Cost in daily volatilities of an order as large as the day's volume; of order one.
    pub coefficient: f64,
    /// Near 0.5.
    pub exponent: f64,
}

/// A [`PowerLaw`] fitted to orders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLawFit {
    /// The law.
    pub law: PowerLaw,
    /// 95 % interval of the exponent (normal, from the residuals of the regression).
    pub exponent_interval: [f64; 2],
    /// 95 % interval of the coefficient.
    pub coefficient_interval: [f64; 2],
    /// Share of the variance of ln(cost / sigma) that the law explains.
    pub r_squared: f64,
    /// Orders used.
    pub used: usize,
    /// Orders left out: their cost was not above zero, which has no logarithm. Many of them bias the fit upwards.
    pub left_out: usize,
}

/// One executed order, to calibrate with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObservedCost {
    /// |X| / V: the order over the volume of the interval that sigma belongs to.
    pub share: f64,
    /// Volatility over that interval, a fraction.
    pub sigma: f64,
    /// Its cost, a fraction of the price.
    pub cost: f64,
}

/// Two-sided 95 % of the standard normal distribution.
const Z95: f64 = 1.959_963_984_540_054;

impl PowerLaw {
    /// The usual square root with coefficient one.
    pub const SQUARE_ROOT: Self = Self { coefficient: 1.0, exponent: 0.5 };

    /// The cost of an order, a fraction of the price; zero for none.
    ///
    /// # Errors
    /// `NotANumber`; `BadQuantity` for a negative share; `BadVol` for a negative volatility.
    pub fn cost(&self, share: f64, sigma: f64) -> Result<f64, Reason> {
        if !(share.is_finite() && sigma.is_finite()) {
            return Err(Reason::NotANumber);
        }
        if share < 0.0 {
            return Err(Reason::BadQuantity);
        }
        if sigma < 0.0 {
            return Err(Reason::BadVol);
        }
        if share <= 0.0 {
            return Ok(0.0);
        }
        finite(self.coefficient * sigma * exp(self.exponent * ln(share)))
    }

    /// Fits coefficient and exponent by least squares of ln(cost / sigma) on ln(share).
    ///
    /// # Errors
    /// `NotANumber` when an observation is not finite; `BadQuantity` and `BadVol` when a share or a volatility is not above
    /// zero; `TooFewObservations` below three orders with a cost, or when all have one size.
    pub fn fit(observed: &[ObservedCost]) -> Result<PowerLawFit, Reason> {
        let is_finite = |it: &ObservedCost| it.share.is_finite() && it.sigma.is_finite() && it.cost.is_finite();
        if !observed.iter().all(is_finite) {
            return Err(Reason::NotANumber);
        }
        if observed.iter().any(|it| it.share <= 0.0) {
            return Err(Reason::BadQuantity);
        }
        if observed.iter().any(|it| it.sigma <= 0.0) {
            return Err(Reason::BadVol);
        }
        let points: Vec<[f64; 2]> =
            observed.iter().filter(|it| it.cost > 0.0).map(|it| [ln(it.share), ln(it.cost) - ln(it.sigma)]).collect();
        let line = Line::fit(&points).ok_or(Reason::TooFewObservations)?;
        let interval = |mid: f64, error: f64| [mid - Z95 * error, mid + Z95 * error];
        Ok(PowerLawFit {
            law: Self { coefficient: finite(exp(line.intercept))?, exponent: finite(line.slope)? },
            exponent_interval: interval(line.slope, line.slope_error),
            coefficient_interval: interval(line.intercept, line.intercept_error).map(exp),
            r_squared: line.r_squared,
            used: points.len(),
            left_out: observed.len() - points.len(),
        })
    }
}

struct Line {
    slope: f64,
    intercept: f64,
    slope_error: f64,
    intercept_error: f64,
    r_squared: f64,
}

impl Line {
    fn fit(points: &[[f64; 2]]) -> Option<Self> {
        let count = points.len();
        if count < 3 {
            return None;
        }
        let n = count_of(count);
        let mean = |pick: fn(&[f64; 2]) -> f64| points.iter().map(pick).sum::<f64>() / n;
        let (mid_x, mid_y) = (mean(|[x, _]| *x), mean(|[_, y]| *y));
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for [x, y] in points {
            let (x, y) = (x - mid_x, y - mid_y);
            xx += x * x;
            xy += x * y;
            yy += y * y;
        }
        if xx <= f64::EPSILON * n * (1.0 + mid_x * mid_x) {
            return None;
        }
        let slope = xy / xx;
        let residual = (yy - slope * xy).max(0.0);
        let noise = residual / (n - 2.0);
        Some(Self {
            slope,
            intercept: mid_y - slope * mid_x,
            slope_error: (noise / xx).sqrt(),
            intercept_error: (noise * (1.0 / n + mid_x * mid_x / xx)).sqrt(),
            r_squared: if yy > 0.0 { 1.0 - residual / yy } else { 1.0 },
        })
    }
}

/// A count as a number to divide by.
#[expect(clippy::as_conversions, reason = "a count of observations is far below 2^53")]
pub(crate) const fn count_of(count: usize) -> f64 {
    count as f64
}
