//! Durations as texts.

#[cfg(feature = "serde")]
mod config;

#[cfg(feature = "serde")]
use std::fmt::Write as _;
use std::time::Duration;

/// Parses a duration as Istio does: protobuf's `1.5s`, and Go's `1h30m`, `100ms`.
///
/// A negative duration, which Go allows and a proxy cannot use, has an error of its own.
#[cfg(feature = "istio")]
pub(crate) fn parse(text: &str) -> Result<Duration, DurationError> {
    let (negative, nanos) = nanos(text, &[])?;
    // Go's durations end here, at 584 years.
    let nanos = u64::try_from(nanos).map_err(|_| DurationError::NotADuration)?;
    if negative && nanos > 0 {
        return Err(DurationError::Negative);
    }
    Ok(Duration::from_nanos(nanos))
}

/// Parses a duration of any length; days and blanks between the parts are allowed too: `1d 12h`.
#[cfg(feature = "serde")]
pub(crate) fn parse_any(text: &str) -> Result<Duration, DurationError> {
    let parts: Vec<_> = text.split_whitespace().collect();
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit() || c == '.');
    // A blank within a number is a mistake: `1 0s`.
    let mut pairs = parts.windows(2);
    if pairs.any(|pair| is_digit(pair[0].chars().last()) && is_digit(pair[1].chars().next())) {
        return Err(DurationError::NotADuration);
    }
    let (negative, nanos) = nanos(&parts.concat(), &[DAY])?;
    if negative && nanos > 0 {
        return Err(DurationError::Negative);
    }
    let secs = u64::try_from(nanos / SECOND).map_err(|_| DurationError::NotADuration)?;
    let below_a_second = u32::try_from(nanos % SECOND).unwrap_or(0);
    Ok(Duration::new(secs, below_a_second))
}

/// Writes a duration as it is written by hand: `1h30m`, `1.5s`, `250ms`; [`parse_any`] reads it again.
#[cfg(feature = "serde")]
pub(crate) fn text(duration: Duration) -> String {
    let (secs, nanos) = (duration.as_secs(), duration.subsec_nanos());
    if secs == 0 && nanos > 0 {
        return match nanos {
            _ if nanos % 1_000_000 == 0 => format!("{}ms", nanos / 1_000_000),
            _ if nanos % 1_000 == 0 => format!("{}us", nanos / 1_000),
            _ => format!("{nanos}ns"),
        };
    }
    let mut text = String::new();
    for (unit, length) in [("h", 3_600), ("m", 60)] {
        let count = if unit == "h" {
            secs / length
        } else {
            secs % 3_600 / length
        };
        if count > 0 {
            let _ = write!(text, "{count}{unit}");
        }
    }
    let secs = secs % 60;
    if nanos > 0 {
        let fraction = format!("{nanos:09}");
        let _ = write!(text, "{secs}.{}s", fraction.trim_end_matches('0'));
    } else if secs > 0 || text.is_empty() {
        let _ = write!(text, "{secs}s");
    }
    text
}

#[cfg(feature = "serde")]
const SECOND: u128 = 1_000_000_000;

/// Parses the sign and the nanoseconds of a duration, in the units of Go and in `more`.
fn nanos(text: &str, more: &[Unit]) -> Result<(bool, u128), DurationError> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    // Go accepts 0 without a unit.
    if rest == "0" {
        return Ok((negative, 0));
    }
    // Far longer than any useful duration; a sum of thousands of parts could overflow.
    if rest.is_empty() || rest.len() > 64 {
        return Err(DurationError::NotADuration);
    }
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, tail) = rest.split_at(digits.ok_or(DurationError::NotADuration)?);
        let (parsed, tail) = unit(tail, more).ok_or(DurationError::NotADuration)?;
        nanos += part(number, parsed).ok_or(DurationError::NotADuration)?;
        rest = tail;
    }
    Ok((negative, nanos))
}

/// Error for a text that is not a duration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DurationError {
    Negative,
    NotADuration,
}

/// Name of a unit, and its nanoseconds.
type Unit = (&'static str, u128);

#[cfg(feature = "serde")]
const DAY: Unit = ("d", 86_400_000_000_000);

/// Go's units; `ms` before `m`, which is its prefix.
const UNITS: [Unit; 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

fn unit<'a>(text: &'a str, more: &[Unit]) -> Option<(u128, &'a str)> {
    let mut units = UNITS.iter().chain(more);
    units.find_map(|(name, nanos)| Some((*nanos, text.strip_prefix(name)?)))
}

fn part(number: &str, parsed: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    // 20 digits exceed any duration, and keep the arithmetic within `u128`.
    if whole.len() + fraction.len() == 0 || whole.len() > 20 || fraction.contains('.') {
        return None;
    }
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut nanos = whole * parsed;
    let mut scale = parsed;
    for digit in fraction.bytes() {
        // Digits below a nanosecond are dropped: the scale becomes 0.
        scale /= 10;
        nanos += u128::from(digit - b'0') * scale;
    }
    Some(nanos)
}

#[cfg(all(test, feature = "serde"))]
mod written {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_written_as_by_hand() {
        for (duration, expected) in [
            (Duration::ZERO, "0s"),
            (Duration::from_millis(500), "500ms"),
            (Duration::from_micros(1_500), "1500us"),
            (Duration::from_nanos(1), "1ns"),
            (Duration::from_millis(1_500), "1.5s"),
            (Duration::from_secs(90), "1m30s"),
            (Duration::from_secs(7_200), "2h"),
            (Duration::from_millis(3_600_250), "1h0.25s"),
        ] {
            assert_eq!(text(duration), expected);
        }
    }

    #[test]
    fn blanks_and_days_are_allowed_and_numbers_alone_are_not() {
        for (written, expected) in [
            ("1d 12h", Ok(Duration::from_secs(129_600))),
            (" 1 m 30 s ", Ok(Duration::from_secs(90))),
            ("0", Ok(Duration::ZERO)),
            ("1 0s", Err(DurationError::NotADuration)),
            ("10", Err(DurationError::NotADuration)),
            ("", Err(DurationError::NotADuration)),
            ("-1s", Err(DurationError::Negative)),
        ] {
            assert_eq!(parse_any(written), expected, "{written:?}");
        }
    }

    proptest! {
        #[test]
        fn any_duration_is_read_as_it_was_written(secs: u64, nanos in 0..1_000_000_000_u32) {
            for duration in [Duration::new(secs, nanos), Duration::new(secs % 60, nanos)] {
                prop_assert_eq!(parse_any(&text(duration)), Ok(duration));
            }
        }
    }
}

#[cfg(all(test, feature = "istio"))]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_istio_reads_them() {
        for (text, expected) in [
            ("2s", Ok(Duration::from_secs(2))),
            ("0.25s", Ok(Duration::from_millis(250))),
            ("1h30m", Ok(Duration::from_secs(5_400))),
            ("100ms", Ok(Duration::from_millis(100))),
            ("0.000000999s", Ok(Duration::from_nanos(999))),
            ("0", Ok(Duration::ZERO)),
            ("-1s", Err(DurationError::Negative)),
            ("", Err(DurationError::NotADuration)),
            ("10", Err(DurationError::NotADuration)),
            ("10 s", Err(DurationError::NotADuration)),
            ("1.5.0s", Err(DurationError::NotADuration)),
            (".s", Err(DurationError::NotADuration)),
            ("99999999999999999999h", Err(DurationError::NotADuration)),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }
}
