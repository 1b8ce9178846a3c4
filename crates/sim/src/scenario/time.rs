//! RFC 3339 UTC times and durations as text, exactly.

use tiderace_types::Ts;

const NS_A_SECOND: i64 = 1_000_000_000;
const SECONDS_A_DAY: i64 = 86_400;

/// A time like `2026-01-01T00:00:00Z` or `2026-01-01T00:00:00.25+00:00`; nothing else is UTC.
pub(super) fn parse(text: &str) -> Option<Ts> {
    let utc = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, clock) = utc.split_once('T')?;
    let (clock, fraction) = clock.split_once('.').map_or((clock, "0"), |(clock, fraction)| (clock, fraction));
    let [hour, minute, second] = three(clock, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days(date)?.checked_mul(SECONDS_A_DAY)?.checked_add(hour * 3_600 + minute * 60 + second)?;
    let ns = seconds.checked_mul(NS_A_SECOND)?.checked_add(nanoseconds(fraction)?)?;
    Some(Ts::new(ns))
}

/// The beginning of a day like `2026-01-01`.
pub(super) fn parse_date(text: &str) -> Option<Ts> {
    days(text)?.checked_mul(SECONDS_A_DAY)?.checked_mul(NS_A_SECOND).map(Ts::new)
}

/// A duration like `30s`, `1.5s`, `250ms`, `2m`, `8h`, `1d`; `us` and `ns` as well.
pub(super) fn duration(text: &str) -> Option<i64> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at_checked(at)?;
    let ns = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => NS_A_SECOND,
        "m" | "min" => 60 * NS_A_SECOND,
        "h" => 3_600 * NS_A_SECOND,
        "d" => SECONDS_A_DAY * NS_A_SECOND,
        _ => return None,
    };
    let value = tiderace_types::decimal::parse(number, 9).ok()?.checked_mul(ns.into())?;
    if value % i128::from(NS_A_SECOND) != 0 {
        return None;
    }
    i64::try_from(value / i128::from(NS_A_SECOND)).ok()
}

/// The time as RFC 3339 text, with as many digits after the second as it needs.
#[must_use]
pub(super) fn format(ts: Ts) -> String {
    let seconds = ts.get().div_euclid(NS_A_SECOND);
    let ns = ts.get().rem_euclid(NS_A_SECOND);
    let (year, month, day) = civil(seconds.div_euclid(SECONDS_A_DAY));
    let clock = seconds.rem_euclid(SECONDS_A_DAY);
    let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
    let fraction = if ns == 0 { String::new() } else { format!(".{}", format!("{ns:09}").trim_end_matches('0')) };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

fn three(text: &str, separator: char, lengths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut next = |len: usize| -> Option<i64> {
        let part = parts.next().filter(|part| part.len() == len && part.bytes().all(|b| b.is_ascii_digit()))?;
        part.parse().ok()
    };
    let [first, second, third] = lengths;
    let three = [next(first)?, next(second)?, next(third)?];
    parts.next().is_none().then_some(three)
}

fn nanoseconds(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("{fraction:0<9}").parse().ok()
}

/// Days since 1970-01-01 of a date, by the proleptic Gregorian calendar.
fn days(date: &str) -> Option<i64> {
    let [year, month, day] = three(date, '-', [4, 2, 2])?;
    let days = days_of(year, month, day);
    // A day that the month does not have comes back as another one.
    ((1..=12).contains(&month) && civil(days) == (year, month, day)).then_some(days)
}

/// Days since 1970-01-01, counting years from March so that the leap day is the last (Hinnant, "chrono-compatible
/// low-level date algorithms").
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_as_they_were_written() {
        for text in ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59.25Z", "2026-12-31T08:00:00.000000001Z"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
        assert_eq!(parse("2026-01-01T00:00:00Z"), Some(Ts::new(1_767_225_600_000_000_000)));
        assert_eq!(parse_date("2026-01-01"), parse("2026-01-01T00:00:00+00:00"));
    }

    #[test]
    fn what_is_no_utc_time_is_refused() {
        for text in ["2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", ""]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("2026-01-01T00:00:00+01:00"), None);
    }

    #[test]
    fn durations_are_exact() {
        assert_eq!(duration("30s"), Some(30_000_000_000));
        assert_eq!(duration("1.5ms"), Some(1_500_000));
        assert_eq!(duration("8h"), Some(28_800_000_000_000));
        for text in ["30", "s", "0.1ns", "-1s", "1 s", "1w"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
