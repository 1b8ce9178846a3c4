//! Decimal text to scaled integers and back, exactly. No float is ever in between.

/// Why a text is not a usable decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// Not of the form `-?digits[.digits]`.
    NotDecimal,
    /// Has more digits after the point than the scale keeps, and they are not zeros.
    TooFine {
        /// Digits after the point that fit.
        decimals: u32,
    },
    /// Too large for the integer behind it.
    TooLarge,
}

impl core::fmt::Display for DecimalError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotDecimal => write!(f, "is not a decimal number like \"12.5\""),
            Self::TooFine { decimals } => write!(f, "has more than {decimals} digits after the point"),
            Self::TooLarge => write!(f, "is too large"),
        }
    }
}

impl std::error::Error for DecimalError {}

/// The largest scale that [`parse`] and [`format`] take.
pub const DECIMALS_MAX: u32 = 30;

/// Parses `text` into an integer of 10^-`decimals`: `parse("1.5", 3)` is 1500.
///
/// # Errors
/// [`DecimalError`]; trailing zeros beyond `decimals` are accepted since they change nothing.
pub fn parse(text: &str, decimals: u32) -> Result<i128, DecimalError> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let has_empty_side = whole.is_empty() || (digits.contains('.') && fraction.is_empty());
    let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if has_empty_side || !is_digits(whole) || !is_digits(fraction) || decimals > DECIMALS_MAX {
        return Err(DecimalError::NotDecimal);
    }
    let mut value: i128 = 0;
    let mut push = |digit: u8| -> Result<(), DecimalError> {
        let digit = i128::from(digit.wrapping_sub(b'0'));
        value = value.checked_mul(10).and_then(|v| v.checked_add(digit)).ok_or(DecimalError::TooLarge)?;
        Ok(())
    };
    for digit in whole.bytes() {
        push(digit)?;
    }
    let mut kept = 0;
    for digit in fraction.bytes() {
        if kept < decimals {
            push(digit)?;
            kept += 1;
        } else if digit != b'0' {
            return Err(DecimalError::TooFine { decimals });
        }
    }
    for _ in kept..decimals {
        push(b'0')?;
    }
    if is_negative { value.checked_neg().ok_or(DecimalError::TooLarge) } else { Ok(value) }
}

/// Writes an integer of 10^-`decimals` as decimal text without trailing zeros: `format(1500, 3)` is `"1.5"`.
#[must_use]
pub fn format(value: i128, decimals: u32) -> String {
    let text = format_fixed(value, decimals);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Like [`format`] with exactly `decimals` digits after the point.
#[must_use]
pub fn format_fixed(value: i128, decimals: u32) -> String {
    let width = usize::try_from(decimals).unwrap_or(0);
    let digits = format!("{:0>1$}", value.unsigned_abs(), width.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(width));
    let sign = if value < 0 { "-" } else { "" };
    if width == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_text_comes_back() {
        for (text, decimals, value) in
            [("0.00001", 5, 1), ("-0.5", 1, -5), ("61837.64000000", 2, 6_183_764), ("7", 0, 7), ("0", 8, 0)]
        {
            assert_eq!(parse(text, decimals), Ok(value), "{text}");
        }
        assert_eq!(format(1500, 3), "1.5");
        assert_eq!(format(-5, 1), "-0.5");
        assert_eq!(format(100, 0), "100");
        assert_eq!(format_fixed(1500, 3), "1.500");
    }

    #[test]
    fn what_is_not_an_exact_decimal_is_refused() {
        for text in ["", "-", ".", "1.", ".5", "1e3", "+1", "1 ", "1_0", "--1", "٣"] {
            assert_eq!(parse(text, 8), Err(DecimalError::NotDecimal), "{text}");
        }
        assert_eq!(parse("0.123", 2), Err(DecimalError::TooFine { decimals: 2 }));
        assert_eq!(parse("0.120", 2), Ok(12));
        assert_eq!(parse(&"9".repeat(40), 0), Err(DecimalError::TooLarge));
    }

    proptest::proptest! {
        #[test]
        fn format_then_parse_is_the_identity(value in -(1i128 << 100)..(1i128 << 100), decimals in 0u32..=8) {
            proptest::prop_assert_eq!(parse(&format(value, decimals), decimals), Ok(value));
        }
    }
}
