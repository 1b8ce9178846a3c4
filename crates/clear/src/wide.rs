//! Multiply and divide without losing a digit, and never panic: what does not fit stays at the ends of an `i128`.

use tiderace_margin::exact;
use tiderace_types::Rounding;

/// `value` x `num` / `den`, exact before it rounds; zero where `den` is not above zero.
pub(crate) fn mul_div(value: i128, num: i128, den: i128, rounding: Rounding) -> i128 {
    if den <= 0 {
        return 0;
    }
    // Nearly all of money is here: two words in, one division.
    if let (Ok(value), Ok(num)) = (i64::try_from(value), i64::try_from(num)) {
        return divide(i128::from(value).wrapping_mul(i128::from(num)), den, rounding);
    }
    let ends = if (value < 0) == (num < 0) { i128::MAX } else { i128::MIN };
    exact::mul_div(value, num, den, rounding).unwrap_or(ends)
}

/// Divides by what is above zero, in words where they do.
pub(crate) fn divide(value: i128, den: i128, rounding: Rounding) -> i128 {
    let (quotient, rest) = match (i64::try_from(value), i64::try_from(den)) {
        (Ok(value), Ok(den)) => {
            let quotient = value.checked_div(den).unwrap_or(0);
            (i128::from(quotient), i128::from(value.wrapping_sub(quotient.wrapping_mul(den))))
        }
        (Ok(_) | Err(_), Ok(_) | Err(_)) => {
            let quotient = value.checked_div(den).unwrap_or(0);
            (quotient, value.wrapping_sub(quotient.wrapping_mul(den)))
        }
    };
    match rounding {
        Rounding::Floor if rest < 0 => quotient.saturating_sub(1),
        Rounding::Ceil if rest > 0 => quotient.saturating_add(1),
        Rounding::Floor | Rounding::Ceil => quotient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_stays_at_the_ends() {
        let big = 1i128 << 100;
        assert_eq!(mul_div(big + 1, big, big, Rounding::Floor), big + 1);
        assert_eq!(mul_div(big, big, 1, Rounding::Floor), i128::MAX);
        assert_eq!(mul_div(-big, big, 1, Rounding::Floor), i128::MIN);
        assert_eq!(mul_div(big, big, 0, Rounding::Floor), 0);
    }

    proptest::proptest! {
        #[test]
        fn the_short_way_rounds_as_the_long_one(value: i64, num: i64, den in 1i64..) {
            for rounding in [Rounding::Floor, Rounding::Ceil] {
                let long = exact::mul_div(value.into(), num.into(), den.into(), rounding).unwrap();
                proptest::prop_assert_eq!(mul_div(value.into(), num.into(), den.into(), rounding), long);
            }
        }
    }
}
