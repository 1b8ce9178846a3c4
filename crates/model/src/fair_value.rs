//! What a price is worth beyond its last print: spread estimators, depth, micro-price, realised variance.
//!
//! Owns estimators over plain slices, oldest first. Invariant: a finite number or a reason; a spread that the data deny
//! (a covariance of the wrong sign) is zero, as its authors say.

use tiderace_types::Reason;

use crate::black::finite;
use crate::impact::count_of;
use crate::normal::{exp, ln};

/// The spread, a fraction of the price, from the bounce of successive trades: 2 sqrt(-cov(r_t, r_t-1)) of log returns.
///
/// # Errors
/// `NotANumber` for a price that is not finite, `BadForward` for one not above zero;
/// `TooFewObservations` below four prices.
///
/// # References
/// R. Roll, "A simple implicit measure of the effective bid-ask spread in an efficient market" (1984).
pub fn roll_spread(prices: &[f64]) -> Result<f64, Reason> {
    let returns = log_returns(prices)?;
    if returns.len() < 3 {
        return Err(Reason::TooFewObservations);
    }
    let pairs = || returns.iter().zip(returns.iter().skip(1));
    let n = count_of(returns.len() - 1);
    let mean_first = pairs().map(|(first, _)| first).sum::<f64>() / n;
    let mean_second = pairs().map(|(_, second)| second).sum::<f64>() / n;
    let products = pairs().map(|(first, second)| (first - mean_first) * (second - mean_second));
    finite(2.0 * (-products.sum::<f64>() / n).max(0.0).sqrt())
}

/// A day's (or hour's) range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Highest trade.
    pub high: f64,
    /// Lowest trade.
    pub low: f64,
    /// Last trade.
    pub close: f64,
}

/// The spread, a fraction of the price, from the ranges of each two bars: volatility grows with time, the spread does
/// not. Two bars that give a negative spread count as zero; the mean of all pairs.
///
/// # Errors
/// `NotANumber` for a price that is not finite, `BadForward` for one not above zero;
/// `TooFewObservations` below two bars.
///
/// # References
/// S. Corwin, P. Schultz, "A simple way to estimate bid-ask spreads from daily high and low prices" (2012).
pub fn corwin_schultz_spread(bars: &[Bar]) -> Result<f64, Reason> {
    check_bars(bars)?;
    let narrow = 3.0 - 2.0 * 2f64.sqrt();
    let pair = |first: &Bar, second: &Bar| {
        let square = |high: f64, low: f64| (ln(high) - ln(low)) * (ln(high) - ln(low));
        let beta = square(first.high, first.low) + square(second.high, second.low);
        let gamma = square(first.high.max(second.high), first.low.min(second.low));
        let alpha = ((2.0 * beta).sqrt() - beta.sqrt()) / narrow - (gamma / narrow).sqrt();
        (2.0 * (exp(alpha) - 1.0) / (1.0 + exp(alpha))).max(0.0)
    };
    let sum: f64 = bars.iter().zip(bars.iter().skip(1)).map(|(first, second)| pair(first, second)).sum();
    finite(sum / count_of(bars.len() - 1))
}

/// The spread, a fraction of the price, from closes between mid-ranges: 2 sqrt(E[(c_t - m_t)(c_t - m_t+1)]) in logs.
///
/// # Errors
/// As [`corwin_schultz_spread`].
///
/// # References
/// F. Abdi, A. Ranaldo, "A simple estimation of bid-ask spreads from daily close, high, and low prices" (2017).
pub fn abdi_ranaldo_spread(bars: &[Bar]) -> Result<f64, Reason> {
    check_bars(bars)?;
    let middle = |bar: &Bar| 0.5 * (ln(bar.high) + ln(bar.low));
    let pair = |first: &Bar, second: &Bar| (ln(first.close) - middle(first)) * (ln(first.close) - middle(second));
    let sum: f64 = bars.iter().zip(bars.iter().skip(1)).map(|(first, second)| pair(first, second)).sum();
    finite(2.0 * (sum / count_of(bars.len() - 1)).max(0.0).sqrt())
}

/// One price level of a book, best first in a slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Its price.
    pub price: f64,
    /// Its displayed quantity.
    pub qty: f64,
}

/// The quantity displayed within `band` (a fraction) of `mid`.
///
/// # Errors
/// `NotANumber`; `BadForward` when the mid is not above zero.
pub fn depth_within(levels: &[Level], mid: f64, band: f64) -> Result<f64, Reason> {
    if !(mid.is_finite() && band.is_finite()) || levels.iter().any(|it| !(it.price.is_finite() && it.qty.is_finite())) {
        return Err(Reason::NotANumber);
    }
    if mid <= 0.0 {
        return Err(Reason::BadForward);
    }
    finite(levels.iter().filter(|it| (it.price / mid - 1.0).abs() <= band).map(|it| it.qty).sum())
}

/// The mean price of taking `qty` from one side of a book, best level first.
///
/// # Errors
/// `NotANumber`; `BadQuantity` when `qty` is not above zero; `NoDepth` when the levels hold less.
pub fn sweep_price(levels: &[Level], qty: f64) -> Result<f64, Reason> {
    if !qty.is_finite() || levels.iter().any(|it| !(it.price.is_finite() && it.qty.is_finite())) {
        return Err(Reason::NotANumber);
    }
    if qty <= 0.0 {
        return Err(Reason::BadQuantity);
    }
    let (mut left, mut paid) = (qty, 0.0);
    for level in levels {
        let taken = left.min(level.qty.max(0.0));
        paid += taken * level.price;
        left -= taken;
        if left <= 0.0 {
            return finite(paid / qty);
        }
    }
    Err(Reason::NoDepth)
}

/// The best bid and ask with their quantities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopOfBook {
    /// Best bid.
    pub bid: Level,
    /// Best ask.
    pub ask: Level,
}

impl TopOfBook {
    /// The mid, when the prices are finite.
    ///
    /// # Errors
    /// `NotANumber`.
    pub fn mid(&self) -> Result<f64, Reason> {
        finite(0.5 * (self.bid.price + self.ask.price))
    }

    /// The share of the bid in what is displayed, 0 to 1.
    ///
    /// # Errors
    /// `NotANumber`; `BadQuantity` when a quantity is below zero or both are zero.
    pub fn imbalance(&self) -> Result<f64, Reason> {
        let (bid, ask) = (self.bid.qty, self.ask.qty);
        if !(bid.is_finite() && ask.is_finite()) {
            return Err(Reason::NotANumber);
        }
        if bid < 0.0 || ask < 0.0 || bid + ask <= 0.0 {
            return Err(Reason::BadQuantity);
        }
        finite(bid / (bid + ask))
    }

    /// The mid weighted by the other side's quantity: near the ask when the bid is heavy.
    ///
    /// # Errors
    /// As [`Self::imbalance`].
    pub fn weighted_mid(&self) -> Result<f64, Reason> {
        let imbalance = self.imbalance()?;
        finite(imbalance * self.ask.price + (1.0 - imbalance) * self.bid.price)
    }
}

/// The sum of squared log returns.
///
/// # Errors
/// `NotANumber` for a price that is not finite, `BadForward` for one not above zero;
/// `TooFewObservations` below two prices.
pub fn realised_variance(prices: &[f64]) -> Result<f64, Reason> {
    let returns = log_returns(prices)?;
    if returns.is_empty() {
        return Err(Reason::TooFewObservations);
    }
    finite(returns.iter().map(|it| it * it).sum())
}

/// The mean of the realised variances of the `stride` grids that take every `stride`-th price, each scaled to the whole span.
///
/// # Errors
/// As [`realised_variance`]; `TooFewObservations` unless each grid has a return.
pub fn subsampled_variance(prices: &[f64], stride: usize) -> Result<f64, Reason> {
    let (sum, used) = strided_sum(prices, stride)?;
    // Overlapping returns of `stride` steps: each covers stride / n of the span.
    finite(sum / count_of(used) * (count_of(prices.len() - 1) / count_of(stride)))
}

/// The variance of the efficient price under noise: the subsampled one less the share of noise that the finest grid shows.
/// It can come out below zero on short data, and is then zero.
///
/// # Errors
/// As [`subsampled_variance`]; `TooFewObservations` when `stride` is below two.
///
/// # References
/// L. Zhang, P. Mykland, Y. Aït-Sahalia, "A tale of two time scales" (2005), equation 64 (the adjusted estimator).
pub fn two_scale_variance(prices: &[f64], stride: usize) -> Result<f64, Reason> {
    if stride < 2 {
        return Err(Reason::TooFewObservations);
    }
    let (sum, used) = strided_sum(prices, stride)?;
    let n = count_of(prices.len() - 1);
    let mean_count = count_of(used) / count_of(stride);
    let slow = sum / count_of(stride);
    let fast = realised_variance(prices)?;
    finite(((slow - mean_count / n * fast) / (1.0 - mean_count / n)).max(0.0))
}

/// The sum of squares of all returns over `stride` steps, and their number.
fn strided_sum(prices: &[f64], stride: usize) -> Result<(f64, usize), Reason> {
    check_prices(prices)?;
    if stride == 0 || prices.len() <= stride {
        return Err(Reason::TooFewObservations);
    }
    let logs: Vec<f64> = prices.iter().map(|price| ln(*price)).collect();
    let squares = logs.iter().zip(logs.iter().skip(stride)).map(|(from, to)| (to - from) * (to - from));
    Ok((squares.sum(), prices.len() - stride))
}

fn log_returns(prices: &[f64]) -> Result<Vec<f64>, Reason> {
    check_prices(prices)?;
    let logs: Vec<f64> = prices.iter().map(|price| ln(*price)).collect();
    Ok(logs.iter().zip(logs.iter().skip(1)).map(|(from, to)| to - from).collect())
}

fn check_prices(prices: &[f64]) -> Result<(), Reason> {
    if !prices.iter().all(|price| price.is_finite()) {
        return Err(Reason::NotANumber);
    }
    if prices.iter().all(|price| *price > 0.0) { Ok(()) } else { Err(Reason::BadForward) }
}

fn check_bars(bars: &[Bar]) -> Result<(), Reason> {
    for bar in bars {
        check_prices(&[bar.high, bar.low, bar.close])?;
    }
    if bars.len() < 2 { Err(Reason::TooFewObservations) } else { Ok(()) }
}
