//! Exp, ln and the normal tail for vector code: no branch, no call, no table, so that a loop over them vectorises.
//!
//! Accuracy (measured against the scalar functions in the tests below): exp and ln 1e-15 relative; the tail ratio
//! 1e-15 relative; results are flushed to zero below e to the -708. `FMA` says whether the processor fuses a multiply
//! and an add; without it the same polynomials are evaluated in two steps.

use std::f64::consts::LOG2_E;

/// a b + c.
#[inline(always)]
pub(super) fn fma<const FMA: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// A polynomial, lowest coefficient first, its even and odd halves side by side.
#[inline(always)]
fn polynomial<const FMA: bool, const N: usize>(coefficients: &[[f64; 2]; N], x: f64) -> f64 {
    let square = x * x;
    let (mut even, mut odd) = (0.0, 0.0);
    for [low, high] in coefficients.iter().rev() {
        even = fma::<FMA>(even, square, *low);
        odd = fma::<FMA>(odd, square, *high);
    }
    fma::<FMA>(odd, x, even)
}

const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Adding it leaves the rounded integer in the low bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// 1 / n!
const EXP: [[f64; 2]; 7] = [
    [1.0, 1.0],
    [0.5, 1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 120.0],
    [1.0 / 720.0, 1.0 / 5_040.0],
    [1.0 / 40_320.0, 1.0 / 362_880.0],
    [1.0 / 3_628_800.0, 1.0 / 39_916_800.0],
    [1.0 / 479_001_600.0, 1.0 / 6_227_020_800.0],
];

/// e to the x for x <= 700; zero below -708.
#[inline(always)]
pub(super) fn exp<const FMA: bool>(x: f64) -> f64 {
    let within = if x > -708.0 { x } else { -708.0 };
    let rounded = fma::<FMA>(within, LOG2_E, ROUNDER);
    let power = rounded - ROUNDER;
    let rest = fma::<FMA>(power, -LN2_LOW, fma::<FMA>(power, -LN2_HIGH, within));
    let value = polynomial::<FMA, 7>(&EXP, rest);
    let scaled = f64::from_bits(value.to_bits().wrapping_add(rounded.to_bits() << 52));
    if x > -708.0 { scaled } else { 0.0 }
}

/// The bits of sqrt(1/2): where the mantissa's range begins.
const ROOT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
const ONE: u64 = 0x3ff0_0000_0000_0000;
/// 2^52, whose low bits then read as an integer.
const TWO_52: f64 = 4_503_599_627_370_496.0;

/// The minimax coefficients of ln((1 + s) / (1 - s)) = 2 s + s z P(z), z = s².
const LN: [[f64; 2]; 4] = [
    [6.666_666_666_666_735e-1, 3.999_999_999_940_942e-1],
    [2.857_142_874_366_239e-1, 2.222_219_843_214_978_4e-1],
    [1.818_357_216_161_805e-1, 1.531_383_769_920_937_3e-1],
    [1.479_819_860_511_658_6e-1, 0.0],
];

#[inline(always)]
fn ln_assembled<const FMA: bool>(s: f64, power: f64) -> f64 {
    let z = s * s;
    let tail = fma::<FMA>(s * z, polynomial::<FMA, 4>(&LN, z), power * LN2_LOW);
    fma::<FMA>(power, LN2_HIGH, fma::<FMA>(2.0, s, tail))
}

/// The power of two to take out of a positive normal number, as bits to subtract and as a number.
#[inline(always)]
fn exponent(x: f64) -> (u64, f64) {
    let biased = x.to_bits().wrapping_add(ONE - ROOT_HALF) >> 52;
    (biased.wrapping_sub(1023) << 52, f64::from_bits(biased | TWO_52.to_bits()) - (TWO_52 + 1023.0))
}

/// ln x of a positive normal number.
#[inline(always)]
pub(super) fn ln<const FMA: bool>(x: f64) -> f64 {
    let (shift, power) = exponent(x);
    let mantissa = f64::from_bits(x.to_bits().wrapping_sub(shift));
    ln_assembled::<FMA>((mantissa - 1.0) / (mantissa + 1.0), power)
}

/// ln(a / b), with a / b at hand: no digit is lost where `a` is near `b`.
#[inline(always)]
pub(super) fn ln_ratio<const FMA: bool>(a: f64, b: f64, ratio: f64) -> f64 {
    let (shift, power) = exponent(ratio);
    let scaled = f64::from_bits(b.to_bits().wrapping_add(shift));
    ln_assembled::<FMA>((a - scaled) / (a + scaled), power)
}

/// Chebyshev fit of (1 + 5/4 z) R(z) in q = (z - 5) / (z + 5), as powers of q; 1e-16 relative.
const TAIL: [[f64; 2]; 12] = [
    [1.397_858_759_186_039_2, -0.196_960_731_756_588_51],
    [0.024_491_657_166_850_894, 0.082_026_677_555_06],
    [-0.112_710_895_755_824_67, 0.091_553_793_545_691_68],
    [-0.053_167_746_145_281_004, 0.021_926_008_732_643_484],
    [-0.005_389_195_927_867_364, -5.973_223_469_723_935e-5],
    [0.000_609_172_182_731_910_4, -0.000_168_570_261_969_510_8],
    [-3.517_095_653_519_421_6e-5, 2.918_294_292_552_803_6e-5],
    [2.023_481_001_483_525_5e-7, -4.249_185_793_710_502e-6],
    [3.528_026_054_800_267_6e-7, 6.397_022_882_832_72e-7],
    [-7.591_847_244_826_045e-8, -1.007_431_953_404_658e-7],
    [1.048_080_096_363_979_3e-8, 1.428_041_420_869_966e-8],
    [-8.053_978_882_506_665e-10, -1.234_529_007_131_502_5e-9],
];

/// The tail ratio R(z) = N(-z) / n(z) of the standard normal distribution, for z >= 0.
#[inline(always)]
pub(super) fn tail_ratio<const FMA: bool>(z: f64) -> f64 {
    let (sum, weight) = (z + 5.0, fma::<FMA>(1.25, z, 1.0));
    let inverse = 1.0 / (sum * weight);
    polynomial::<FMA, 12>(&TAIL, (z - 5.0) * (weight * inverse)) * (sum * inverse)
}

/// low <= x <= high; false for NaN.
#[inline(always)]
pub(super) fn within(x: f64, low: f64, high: f64) -> bool {
    (x >= low) & (x <= high)
}

/// a where it is the larger, else b.
#[inline(always)]
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// a where it is the smaller, else b.
#[inline(always)]
pub(super) fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal;

    fn worst(range: impl Iterator<Item = f64>, fast: impl Fn(f64) -> f64, slow: impl Fn(f64) -> f64) -> f64 {
        range.map(|x| (fast(x) / slow(x) - 1.0).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn stays_within_1e_15_of_the_scalar_functions() {
        let steps = |from: f64, to: f64| (0..200_000).map(move |i| from + (to - from) * f64::from(i) / 200_000.0);
        assert!(worst(steps(-707.9, 700.0), exp::<true>, normal::exp) < 1e-15);
        assert!(worst(steps(-707.9, 700.0), exp::<false>, normal::exp) < 1e-15);
        let spread = || steps(-300.0, 300.0).map(|x| 10f64.powf(x));
        assert!(worst(spread(), ln::<true>, normal::ln) < 1e-15);
        assert!(worst(steps(0.5, 2.0).map(|x| x + 1e-9), ln::<false>, normal::ln) < 1e-15);
        let ratio = |x: f64| ln_ratio::<true>(x * 3.0, 3.0, x);
        assert!(worst(spread(), ratio, |x| normal::ln_ratio(x * 3.0, 3.0)) < 1e-15);
        let tail = |z: f64| normal::cdf(-z) / normal::pdf(z);
        assert!(worst(steps(0.0, 6.0), tail_ratio::<true>, tail) < 1e-14, "the quotient itself errs by z² ulp");
        assert!(worst(steps(0.0, 1.5), tail_ratio::<false>, tail) < 2e-15);
        assert_eq!(exp::<true>(-1e300), 0.0);
    }
}
