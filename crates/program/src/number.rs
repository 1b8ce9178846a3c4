//! Arithmetic as the form means it: Python's `//` and `%`, checked; floats with one NaN and one libm.

use crate::trap::TrapReason;

/// The only NaN.
const NAN_BITS: u64 = 0x7ff8_0000_0000_0000;
/// 2^63.
pub(crate) const I64_END: f64 = 9_223_372_036_854_775_808.0;

/// The same number, a NaN by its canonical bits.
#[must_use]
pub fn canonical(value: f64) -> f64 {
    if value.is_nan() { f64::from_bits(NAN_BITS) } else { value }
}

/// Square root.
#[must_use]
pub fn sqrt(value: f64) -> f64 {
    canonical(libm::sqrt(value))
}

/// e to the power of `value`.
#[must_use]
pub fn exp(value: f64) -> f64 {
    canonical(libm::exp(value))
}

/// Natural logarithm.
#[must_use]
pub fn log(value: f64) -> f64 {
    canonical(libm::log(value))
}

/// Sine of radians.
#[must_use]
pub fn sin(value: f64) -> f64 {
    canonical(libm::sin(value))
}

/// Cosine of radians.
#[must_use]
pub fn cos(value: f64) -> f64 {
    canonical(libm::cos(value))
}

/// Python's `//`.
pub(crate) fn floor_div(left: i128, right: i128) -> Result<i128, TrapReason> {
    if right == 0 {
        return Err(TrapReason::DivZero);
    }
    let quotient = left.checked_div(right).ok_or(TrapReason::Overflow)?;
    let is_below = left.wrapping_rem(right) != 0 && (left < 0) != (right < 0);
    Ok(quotient.wrapping_sub(is_below.into()))
}

/// Python's `%`.
pub(crate) fn floor_mod(left: i128, right: i128) -> Result<i128, TrapReason> {
    if right == 0 {
        return Err(TrapReason::DivZero);
    }
    let rest = left.wrapping_rem(right);
    Ok(if rest != 0 && (rest < 0) != (right < 0) { rest.wrapping_add(right) } else { rest })
}

/// Python's `int(value)`, within i64.
pub(crate) fn float_to_int(value: f64) -> Result<i64, TrapReason> {
    if !(-I64_END..I64_END).contains(&value) {
        return Err(TrapReason::FloatToInt);
    }
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "in range, and to truncate is the point"
    )]
    Ok(value as i64)
}

/// The nearest double, ties to even.
pub(crate) fn wide_to_float(value: i128) -> f64 {
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "rounds to nearest, ties to even")]
    let float = value as f64;
    float
}

/// Low and high half.
pub(crate) fn halves(value: i128) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value.to_le_bytes();
    [u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes([i, j, k, l, m, n, o, p])]
}

/// From low and high half.
pub(crate) fn whole(halves: [u64; 2]) -> i128 {
    let [low, high] = halves;
    (i128::from(high.cast_signed()) << 64) | i128::from(low)
}
