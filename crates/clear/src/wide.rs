//! Multiply and divide without losing a digit, and never panic: what does not fit stays at the ends of an `i128`.

use tiderace_margin::exact;
use tiderace_types::Rounding;

/// `value` x `num` / `den`, exact before it rounds; zero where `den` is not above zero.
pub(crate) fn mul_div(value: i128, num: i128, den: i128, rounding: Rounding) -> i128 {
    if den <= 0 {
        return 0;
    }
    let ends = if (value < 0) == (num < 0) { i128::MAX } else { i128::MIN };
    exact::mul_div(value, num, den, rounding).unwrap_or(ends)
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
}
