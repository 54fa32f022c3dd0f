//! Durations as people write them: `500ms`, `1s`, `5m`, `2h`, `1d`.
//!
//! There are two ways in. Configuration must name a unit ([`parse_duration`]), because a bare number in a file
//! does not say what it counts; flags also take plain seconds ([`parse_flag_duration`]), as the predecessor's
//! do, several units (`1h30m`), weeks and ISO 8601 (`P1D`); a day is 24 hours. Both take fractions (`1.5h`) and any case, and cut
//! what is finer than a millisecond. The arithmetic is done in integers, so `0.1s` is exactly 100 ms and there is no NaN or
//! infinity to refuse.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use thiserror::Error;

/// The longest duration that is accepted: a century. Adding one to the current time can then never overflow,
/// neither in milliseconds nor in a database column.
pub const DURATION_MAX: Duration = Duration::from_millis(36_500 * MS_PER_DAY);

const MS_PER_DAY: u64 = 24 * 60 * 60 * 1000;

/// Unit letters and their length in milliseconds, from the longest to the shortest.
const UNITS: [(&str, u64); 5] =
    [("d", MS_PER_DAY), ("h", 60 * 60 * 1000), ("m", 60 * 1000), ("s", 1000), ("ms", 1)];

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DurationError {
    /// Not a number with a unit.
    #[error("malformed duration {value:?}: write {}", accepted.text())]
    Malformed {
        /// The text as it was given.
        value: String,
        /// What would have been taken.
        accepted: Accepted,
    },
    /// Longer than [`DURATION_MAX`].
    #[error("malformed duration {value:?}: longer than {}", format_duration(DURATION_MAX))]
    TooLong {
        /// The text as it was given.
        value: String,
    },
}

/// The forms that a reader of durations takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// A number and a unit.
    UnitOnly,
    /// Numbers with units, ISO 8601, or an integer that counts seconds.
    UnitOrSeconds,
}

impl Accepted {
    fn text(self) -> &'static str {
        match self {
            Self::UnitOnly => "a number with a unit: 500ms, 1s, 5m, 2h or 1d",
            Self::UnitOrSeconds => {
                "a number with a unit (500ms, 1s, 5m, 2h, 1d, 1w), several (1h30m), or an integer of seconds"
            }
        }
    }
}

/// Reads a duration of the configuration: a number with a unit.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    parse(text, Accepted::UnitOnly)
}

/// Reads a duration of a command line flag or a request: numbers with units, ISO 8601, or plain seconds.
pub fn parse_flag_duration(text: &str) -> Result<Duration, DurationError> {
    match parse(text, Accepted::UnitOrSeconds) {
        Err(malformed @ DurationError::Malformed { .. }) => span(text).ok_or(malformed)?,
        other => other,
    }
}

/// Several units (`1h30m`), weeks, or ISO 8601 (`P1D`, `PT1H30M`); none when it is not of a fixed length, or negative.
fn span(text: &str) -> Option<Result<Duration, DurationError>> {
    let word = text.trim();
    // Without a sign, and without a space between number and unit: more likely two arguments.
    if !word.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') {
        return None;
    }
    let span: Span = match word.to_ascii_uppercase() {
        iso if iso.starts_with('P') => iso.parse().ok()?,
        _ => word.to_ascii_lowercase().parse().ok()?,
    };
    if span.get_years() != 0 || span.get_months() != 0 {
        return None;
    }
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    let length = Duration::try_from(length).ok()?;
    let whole_ms = Duration::from_millis(u64::try_from(length.as_millis()).ok()?);
    let too_long = || DurationError::TooLong { value: text.to_owned() };
    Some(if length > DURATION_MAX { Err(too_long()) } else { Ok(whole_ms) })
}

/// The duration in its longest unit that leaves no rest: `90m` for 5,400 s, `1d` for 24 hours. What is finer
/// than a millisecond is cut, so for whole milliseconds [`parse_duration`] gives the same value back.
pub fn format_duration(duration: Duration) -> String {
    let total_ms = duration.as_millis();
    if total_ms == 0 {
        return "0s".to_owned();
    }
    let (unit, unit_ms) = UNITS
        .into_iter()
        .find(|(_, unit_ms)| total_ms.is_multiple_of(u128::from(*unit_ms)))
        .unwrap_or(("ms", 1));
    format!("{}{unit}", total_ms / u128::from(unit_ms))
}

fn parse(text: &str, accepted: Accepted) -> Result<Duration, DurationError> {
    let malformed = || DurationError::Malformed { value: text.to_owned(), accepted };
    let too_long = || DurationError::TooLong { value: text.to_owned() };
    let word = text.trim().to_ascii_lowercase();
    let number_end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (number, unit) = word.split_at(number_end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(malformed());
    }
    let unit_ms = match UNITS.iter().find(|(name, _)| *name == unit) {
        Some((_, unit_ms)) => *unit_ms,
        // A plain number of seconds is an integer: `1.5` more likely lost its unit.
        None if unit.is_empty() && accepted == Accepted::UnitOrSeconds && !number.contains('.') => {
            1000
        }
        None => return Err(malformed()),
    };
    let whole_ms = digits_value(whole)
        .and_then(|count| count.checked_mul(u128::from(unit_ms)))
        .ok_or_else(too_long)?;
    let total_ms = whole_ms.checked_add(fraction_ms(fraction, unit_ms)).ok_or_else(too_long)?;
    let total_ms = u64::try_from(total_ms).map_err(|_| too_long())?;
    let duration = Duration::from_millis(total_ms);
    if duration > DURATION_MAX { Err(too_long()) } else { Ok(duration) }
}

/// The value of ASCII digits; none when it does not fit.
fn digits_value(digits: &str) -> Option<u128> {
    if digits.is_empty() { Some(0) } else { digits.parse().ok() }
}

/// The milliseconds of the digits behind the point, cut.
fn fraction_ms(digits: &str, unit_ms: u64) -> u128 {
    // A day has fewer than 10^8 milliseconds, so further digits would be worth less than one.
    let mut numerator: u128 = 0;
    let mut denominator: u128 = 1;
    for digit in digits.bytes().take(12) {
        numerator = numerator * 10 + u128::from(digit - b'0');
        denominator *= 10;
    }
    numerator * u128::from(unit_ms) / denominator
}

#[cfg(test)]
mod tests {
    use super::*;

    const CENTURY_DAYS: u64 = 36_500;

    #[test]
    fn a_number_with_a_unit_is_that_long() {
        let table = [
            ("500ms", 500),
            ("1s", 1_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("0s", 0),
            ("1.5h", 5_400_000),
            ("1.5H", 5_400_000),
            ("250MS", 250),
            ("0.1s", 100),
            (".5s", 500),
            ("2.s", 2_000),
            ("  3s\n", 3_000),
            ("007s", 7_000),
            // Cut, not rounded.
            ("0.9ms", 0),
            ("1.9999s", 1_999),
            ("0.333333333333333333333333m", 19_999),
            ("36500d", CENTURY_DAYS * 86_400_000),
        ];
        for (text, expected_ms) in table {
            let expected = Ok(Duration::from_millis(expected_ms));
            assert_eq!(parse_duration(text), expected, "{text:?} in a file");
            assert_eq!(parse_flag_duration(text), expected, "{text:?} as a flag");
        }
    }

    #[test]
    fn only_flags_take_plain_seconds() {
        assert_eq!(parse_flag_duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_flag_duration("0"), Ok(Duration::ZERO));
        let refusal = parse_duration("90").unwrap_err();
        assert!(matches!(refusal, DurationError::Malformed { accepted: Accepted::UnitOnly, .. }));
    }

    #[test]
    fn what_is_no_duration_is_refused_with_its_value() {
        let table = [
            "", " ", ".", "s", ".s", "-1s", "-5", "+1s", "1.5", "1..5s", "1.2.3s", "1 s", "1e3s",
            "nan", "nans", "inf", "infs", "1_000s", "1s1m", "1h 30m", "٣s", "1ſ", "1y", "1mo",
            "P1M", "-P1D", "P", "1h30", "1s ago",
        ];
        for text in table {
            for (accepted, outcome) in [
                (Accepted::UnitOnly, parse_duration(text)),
                (Accepted::UnitOrSeconds, parse_flag_duration(text)),
            ] {
                let expected = DurationError::Malformed { value: text.to_owned(), accepted };
                assert_eq!(outcome, Err(expected), "{text:?}");
            }
        }
    }

    #[test]
    fn only_flags_take_several_units_weeks_and_iso_8601() {
        for (text, seconds) in [
            ("1w", 604_800),
            ("1h30m", 5_400),
            ("1H30M", 5_400),
            ("2d12h", 216_000),
            ("90min", 5_400),
            ("P1D", 86_400),
            ("P1W", 604_800),
            ("PT1H30M", 5_400),
            ("pt90s", 90),
        ] {
            assert_eq!(parse_flag_duration(text), Ok(Duration::from_secs(seconds)), "{text:?}");
            assert!(parse_duration(text).is_err(), "{text:?} in a file");
        }
        let too_long = DurationError::TooLong { value: "5300w".to_owned() };
        assert_eq!(parse_flag_duration("5300w"), Err(too_long));
    }

    #[test]
    fn more_than_a_century_is_refused() {
        let table = [
            "36501d",
            "36500.1d",
            "18446744073709551616ms",
            "340282366920938463463374607431768211456s",
            "99999999999999999999999999999999999999d",
        ];
        for text in table {
            let expected = DurationError::TooLong { value: text.to_owned() };
            assert_eq!(parse_duration(text), Err(expected.clone()), "{text:?}");
            assert_eq!(parse_flag_duration(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn every_refusal_has_the_key_phrase_and_the_value() {
        for text in ["soon", "99999d", ""] {
            for refusal in
                [parse_duration(text).unwrap_err(), parse_flag_duration(text).unwrap_err()]
            {
                let message = refusal.to_string();
                assert!(
                    message.starts_with(&format!("malformed duration {text:?}: ")),
                    "{message}"
                );
            }
        }
        assert_eq!(
            parse_flag_duration("soon").unwrap_err().to_string(),
            "malformed duration \"soon\": write a number with a unit (500ms, 1s, 5m, 2h, 1d, 1w), several \
             (1h30m), or an integer of seconds"
        );
    }

    #[test]
    fn a_duration_is_written_in_its_longest_exact_unit() {
        let table = [
            (0, "0s"),
            (1, "1ms"),
            (500, "500ms"),
            (1_500, "1500ms"),
            (1_000, "1s"),
            (90_000, "90s"),
            (60_000, "1m"),
            (5_400_000, "90m"),
            (86_400_000, "1d"),
            (36 * 3_600_000, "36h"),
        ];
        for (ms, expected) in table {
            let duration = Duration::from_millis(ms);
            assert_eq!(format_duration(duration), expected);
            assert_eq!(parse_duration(expected), Ok(duration), "{expected} reads back");
        }
        assert_eq!(format_duration(Duration::from_micros(1_999)), "1ms");
        assert_eq!(parse_duration(&format_duration(DURATION_MAX)), Ok(DURATION_MAX));
    }
}
