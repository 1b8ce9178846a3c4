//! The elementary functions of the deterministic path: exp, ln, the normal density and distribution.
//!
//! Owns the choice of library: the pinned pure-Rust `libm`, basic IEEE operations, no fused multiply-add, one fixed
//! order. Every build on every machine gives the same bits; golden digests in `tests/` guard that.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// 1 / sqrt(2 pi).
pub const INV_SQRT_2PI: f64 = 0.398_942_280_401_432_7;

/// e to the `x`, within one unit in the last place.
#[must_use]
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// The natural logarithm, within one unit in the last place.
#[must_use]
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// ln(a / b) of two positive numbers: exact in the limit of `a` near `b`, finite where the ratio leaves the range.
#[must_use]
pub fn ln_ratio(a: f64, b: f64) -> f64 {
    let apart = (a - b) / b;
    if apart.abs() < 0.5 {
        return libm::log1p(apart);
    }
    let ratio = a / b;
    if ratio.is_finite() && ratio >= f64::MIN_POSITIVE { libm::log(ratio) } else { libm::log(a) - libm::log(b) }
}

/// The standard normal density.
#[must_use]
pub fn pdf(x: f64) -> f64 {
    INV_SQRT_2PI * libm::exp(-0.5 * x * x)
}

/// The standard normal distribution function, accurate in its tails too (through erfc).
#[must_use]
pub fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// The quantile of the standard normal distribution: infinite at 0 and 1, NaN outside.
///
/// A rational start (Abramowitz and Stegun 26.2.23), then Newton steps of third order on [`cdf`].
#[must_use]
pub fn inverse_cdf(p: f64) -> f64 {
    if !(p > 0.0 && p < 1.0) {
        return match p {
            0.0 => f64::NEG_INFINITY,
            1.0 => f64::INFINITY,
            _ => f64::NAN,
        };
    }
    let tail = if p < 0.5 { p } else { 1.0 - p };
    let u = (-2.0 * ln(tail)).sqrt();
    let top = 2.515_517 + u * (0.802_853 + u * 0.010_328);
    let bottom = 1.0 + u * (1.432_788 + u * (0.189_269 + u * 0.001_308));
    let mut z = top / bottom - u;
    for _ in 0..3 {
        let step = (cdf(z) - tail) * ((2.0 * PI).sqrt() * exp(0.5 * z * z));
        z -= step / (1.0 + 0.5 * z * step);
    }
    if p < 0.5 { z } else { -z }
}
