//! Whether a value is the one that a check names.

use serde_json::Value;
use tiderace_types::decimal;

use super::show::Shown;

/// How the values of a key are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letter by letter.
    Text,
    /// Letter by letter; the leg of a quote may be called by its side, `q/0/buy` for `q/0/bid`.
    OrderName,
    /// As decimals, exactly.
    Number,
    /// As decimals; where a mean does not come out even, to the digits that are written, six or more.
    Mean,
    /// The wanted text is part of the other.
    Part,
    /// True or false.
    Flag,
}

/// A key of a check with the value that it wants.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    pub(super) value: Value,
}

impl Wanted {
    fn holds(&self, got: &Value) -> bool {
        match (self.kind, self.value.as_str().zip(got.as_str())) {
            (Kind::Text | Kind::Flag, _) => self.value == *got,
            (Kind::OrderName, Some((wanted, got))) => wanted == got || leg_of(wanted).is_some_and(|leg| leg == got),
            (Kind::Part, Some((wanted, got))) => got.contains(wanted),
            (Kind::Number, Some((wanted, got))) => is_same_number(wanted, got),
            (Kind::Mean, Some((wanted, got))) => is_same_mean(wanted, got),
            (Kind::OrderName | Kind::Part | Kind::Number | Kind::Mean, None) => false,
        }
    }
}

/// The name of a quote's leg that was called by its side.
fn leg_of(name: &str) -> Option<String> {
    let (rest, side) = name.rsplit_once('/')?;
    let leg = match side {
        "buy" => "bid",
        "sell" => "ask",
        _ => return None,
    };
    Some(format!("{rest}/{leg}"))
}

/// Whether every wanted key is there with its value.
pub(super) fn holds(wanted: &[Wanted], got: &Shown) -> bool {
    wanted.iter().all(|wanted| got.get(wanted.key).is_some_and(|got| wanted.holds(got)))
}

/// Digits that both sides are compared at; nothing that the venue says is finer.
const DIGITS: usize = 18;

/// Whether two decimals are the same number.
pub(super) fn is_same_number(wanted: &str, got: &str) -> bool {
    let read = |text| decimal::parse(text, 18).ok();
    read(wanted).is_some_and(|wanted| Some(wanted) == read(got))
}

fn is_same_mean(wanted: &str, got: &str) -> bool {
    let digits = wanted.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    if digits < 6 {
        return is_same_number(wanted, got);
    }
    let cut = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction: String = fraction.chars().take(DIGITS).collect();
        decimal::parse(&format!("{whole}.{fraction}0"), 18).ok()
    };
    // The venue's own text is cut at twelve digits.
    let unit = u32::try_from(DIGITS.saturating_sub(digits.min(11))).unwrap_or(0);
    match (cut(wanted), cut(got)) {
        (Some(wanted), Some(got)) => wanted.abs_diff(got) < 10_u128.saturating_pow(unit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_compared_to_the_digits_written() {
        assert!(is_same_mean("100.5", "100.5") && is_same_mean("100.50", "100.5"));
        assert!(!is_same_mean("100.33", "100.333333333333"));
        assert!(is_same_mean("100.333333", "100.333333333333"));
        assert!(is_same_mean("100.666667", "100.666666666666"));
        assert!(is_same_mean("100.6666666666666666666666667", "100.666666666666"));
        assert!(!is_same_mean("100.500001", "100.5"));
    }
}
