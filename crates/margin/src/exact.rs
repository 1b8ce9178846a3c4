//! Products that are divided before they are rounded, with 256 bits in between.

use tiderace_types::Rounding;
use tiderace_types::num::div_round;

/// `a` x `b` / `divisor`, exactly but for one rounding at the end. `None` when `divisor` is not above zero or the
/// result does not fit.
#[must_use]
pub fn mul_div(a: i128, b: i128, divisor: i128, rounding: Rounding) -> Option<i128> {
    if divisor <= 0 {
        return None;
    }
    if let Some(product) = a.checked_mul(b) {
        return div_round(product, divisor, rounding);
    }
    let is_negative = (a < 0) != (b < 0);
    let (high, low) = wide_mul(a.unsigned_abs(), b.unsigned_abs());
    let (quotient, rest) = wide_div(high, low, divisor.unsigned_abs())?;
    let away = rest != 0 && is_negative == (rounding == Rounding::Floor);
    let size = quotient.checked_add(u128::from(away))?;
    if is_negative { 0_i128.checked_sub_unsigned(size) } else { i128::try_from(size).ok() }
}

/// The 256 bits of a product, high half first.
fn wide_mul(a: u128, b: u128) -> (u128, u128) {
    const HALF: u32 = 64;
    const MASK: u128 = u128::MAX >> HALF;
    let (a1, a0, b1, b0) = (a >> HALF, a & MASK, b >> HALF, b & MASK);
    // Halves of 64 bits: no product and no sum of these exceeds 128 bits.
    let low = a0.wrapping_mul(b0);
    let (middle, carry) = a1.wrapping_mul(b0).overflowing_add(a0.wrapping_mul(b1));
    let (sum, carry_low) = low.overflowing_add(middle << HALF);
    let high = a1.wrapping_mul(b1).wrapping_add(middle >> HALF);
    let carries = (u128::from(carry) << HALF).wrapping_add(u128::from(carry_low));
    (high.wrapping_add(carries), sum)
}

/// Quotient and rest, bit by bit: the rare way. `None` when the quotient needs more than 128 bits.
fn wide_div(high: u128, low: u128, divisor: u128) -> Option<(u128, u128)> {
    if high >= divisor {
        return None;
    }
    let (mut rest, mut quotient) = (high, 0_u128);
    for bit in (0..u128::BITS).rev() {
        let carry = rest >> (u128::BITS - 1) != 0;
        rest = (rest << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if carry || rest >= divisor {
            rest = rest.wrapping_sub(divisor);
            quotient |= 1;
        }
    }
    Some((quotient, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_beyond_128_bits_divides_exactly() {
        let a = 10_i128.pow(30);
        assert_eq!(mul_div(a, a, a, Rounding::Floor), Some(a));
        assert_eq!(mul_div(-a, a, a, Rounding::Ceil), Some(-a));
        assert_eq!(mul_div(a + 1, a, a, Rounding::Floor), Some(a + 1));
        assert_eq!(mul_div(a, a, a + 1, Rounding::Ceil).unwrap(), mul_div(a, a, a + 1, Rounding::Floor).unwrap() + 1);
        assert_eq!(mul_div(-a, a, a + 1, Rounding::Floor), mul_div(a, a, a + 1, Rounding::Ceil).map(|q| -q));
        assert_eq!(mul_div(i128::MAX, i128::MAX, 1, Rounding::Floor), None);
        assert_eq!(mul_div(1, 1, 0, Rounding::Floor), None);
        assert_eq!(mul_div(i128::MIN, i128::MAX, i128::MAX, Rounding::Ceil), Some(i128::MIN));
    }

    proptest::proptest! {
        #[test]
        fn wide_and_narrow_agree(a in -(1i128 << 60)..(1i128 << 60), b in -(1i128 << 60)..(1i128 << 60), d in 1i128..1 << 70) {
            for rounding in [Rounding::Floor, Rounding::Ceil] {
                let scale = 1i128 << 55;
                let (wide, narrow) = (mul_div(a * scale, b, d, rounding), mul_div(a, b, d, rounding));
                let narrow_scaled = mul_div(a * scale, b, d * scale, rounding);
                proptest::prop_assert_eq!(narrow, narrow_scaled);
                if let Some(wide) = wide {
                    let back = mul_div(wide, d, 1, rounding);
                    if let Some(back) = back {
                        let exact = (a * scale).checked_mul(b);
                        if let Some(exact) = exact {
                            proptest::prop_assert!((back - exact).abs() < d);
                        }
                    }
                }
            }
        }

        #[test]
        fn quotient_times_divisor_plus_rest_is_the_product(a: u128, b: u128, d in 1u128..) {
            let (high, low) = wide_mul(a, b);
            if let Some((quotient, rest)) = wide_div(high, low, d) {
                let (h, l) = wide_mul(quotient, d);
                let (sum, carry) = l.overflowing_add(rest);
                proptest::prop_assert_eq!((h + u128::from(carry), sum), (high, low));
                proptest::prop_assert!(rest < d);
            }
        }
    }
}
