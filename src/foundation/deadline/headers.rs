//! Deadline propagation: the time left, in request headers.

use std::time::{Duration, Instant};

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::Deadline;
use crate::foundation::http::grpc;
use crate::foundation::time::clock;

/// Name of Envoy's header for the time that the caller waits, in milliseconds.
pub(crate) static EXPECTED: HeaderName = HeaderName::from_static("x-envoy-expected-rq-timeout-ms");
/// Name of gRPC's header for the time that the caller waits, a number with a unit.
pub(crate) static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

impl Deadline {
    /// Writes the time left into the headers of a request, for requests that are sent without a
    /// client of this crate.
    ///
    /// Sets `x-envoy-expected-rq-timeout-ms` and, on a gRPC request, `grpc-timeout` as well. A
    /// shorter time in the headers is kept.
    pub fn write_to(self, headers: &mut HeaderMap) {
        self.write_to_at(headers, clock::now());
    }

    /// Writes the time left at `now`; see [`Deadline::write_to`].
    pub fn write_to_at(self, headers: &mut HeaderMap, now: Instant) {
        let grpc = grpc::is_grpc(headers);
        write_time_left(headers, self.remaining_at(now), grpc, true);
    }
}

/// Writes the time left, unless the headers carry a shorter one; Envoy's header only if it is wanted, or there
/// already.
///
/// A value that is longer by less than a millisecond is kept as well: an outer layer wrote it a
/// moment ago, and a new value would cost an allocation for each call.
pub(crate) fn write_time_left(headers: &mut HeaderMap, left: Duration, grpc: bool, envoy: bool) {
    let wrong = |told: Duration| told.saturating_sub(left) >= NO_NEWS;
    if parse_expected_timeout(headers).map_or(envoy, wrong) {
        headers.insert(&EXPECTED, expected_value(left));
    }
    if grpc && parse_grpc_timeout(headers).is_none_or(wrong) {
        headers.insert(&GRPC_TIMEOUT, grpc_value(left));
    }
}

/// Resolution of the header in milliseconds: a smaller difference is not worth a new value.
const NO_NEWS: Duration = Duration::from_millis(1);

/// Parses `x-envoy-expected-rq-timeout-ms`; 0 and invalid numbers are ignored, as in Envoy.
pub(crate) fn parse_expected_timeout(headers: &HeaderMap) -> Option<Duration> {
    parse_millis(headers.get(&EXPECTED)?).filter(|told| !told.is_zero())
}

/// Reads `grpc-timeout`; 0 and what is not in its format say nothing, as to Envoy.
///
/// More than the eight digits of the specification are read, as Envoy does: a caller that writes them means
/// what they say, and would otherwise have no deadline at all.
pub(crate) fn parse_grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(&GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    let told = match unit {
        "H" => Duration::from_secs(count.saturating_mul(3_600)),
        "M" => Duration::from_secs(count.saturating_mul(60)),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    };
    (!told.is_zero()).then_some(told)
}

/// Says whether `grpc-timeout` has more digits than the specification allows, which not every server reads.
pub(crate) fn is_overlong_grpc(headers: &HeaderMap) -> bool {
    let value = headers.get(&GRPC_TIMEOUT);
    value.is_some_and(|value| value.len() > MAX_GRPC_TIMEOUT)
}

/// Eight digits and a unit.
const MAX_GRPC_TIMEOUT: usize = 9;

/// Reads a whole number of milliseconds.
pub(crate) fn parse_millis(value: &HeaderValue) -> Option<Duration> {
    // The fast path: plain digits, the format that this crate's own layers write.
    if let Some(millis) = parse_digits(value.as_bytes()) {
        return Some(Duration::from_millis(millis));
    }
    let value = value.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_millis)
}

/// Parses plain digits; at most 15, so that the number fits into a `u64`.
fn parse_digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 15 {
        return None;
    }
    text.iter().try_fold(0, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + u64::from(digit))
    })
}

/// Formats `left` as `x-envoy-expected-rq-timeout-ms`: rounded down, so that a deadline never grows
/// from hop to hop, but at least 1, since 0 means no limit.
pub(crate) fn expected_value(left: Duration) -> HeaderValue {
    // Truncated, never rounded up: the upstream must not wait longer than the caller.
    let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    HeaderValue::from(millis.max(1))
}

/// Formats `left` as `grpc-timeout`: in milliseconds, as Envoy does, or in the finest coarser unit
/// that fits into 8 digits; below a millisecond in a finer unit.
pub(crate) fn grpc_value(left: Duration) -> HeaderValue {
    const MOST: u128 = 99_999_999;
    let (nanos, seconds) = (left.as_nanos(), u128::from(left.as_secs()));
    let (count, unit) = match left.as_millis() {
        0 if nanos < 1_000 => (nanos.max(1), 'n'),
        0 => (nanos / 1_000, 'u'),
        millis if millis <= MOST => (millis, 'm'),
        _ if seconds <= MOST => (seconds, 'S'),
        _ if seconds / 60 <= MOST => (seconds / 60, 'M'),
        _ => ((seconds / 3_600).min(MOST), 'H'),
    };
    let value = format!("{count}{unit}");
    HeaderValue::try_from(value).expect("digits and a letter are valid in a header")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &'static str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(&GRPC_TIMEOUT, HeaderValue::from_static(value));
        parse_grpc_timeout(&headers)
    }

    #[test]
    fn a_grpc_timeout_is_read_in_every_unit() {
        for (value, expected) in [
            ("2H", Duration::from_secs(7_200)),
            ("3M", Duration::from_secs(180)),
            ("4S", Duration::from_secs(4)),
            ("5m", Duration::from_millis(5)),
            ("6u", Duration::from_micros(6)),
            ("7n", Duration::from_nanos(7)),
            ("99999999H", Duration::from_secs(99_999_999 * 3_600)),
            ("000000300m", Duration::from_millis(300)),
            ("123456789m", Duration::from_millis(123_456_789)),
            ("9999999999999999999H", Duration::from_secs(u64::MAX)),
        ] {
            assert_eq!(read(value), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_is_no_grpc_timeout_says_nothing() {
        for value in [
            "",
            "m",
            "5",
            "5s",
            "-5m",
            "+5m",
            "5 m",
            "99999999999999999999H",
            "0m",
            "5mm",
        ] {
            assert_eq!(read(value), None, "{value:?}");
        }
    }

    #[test]
    fn a_time_is_told_without_growing_and_read_back_the_same_or_shorter() {
        for (left, expected, grpc) in [
            (Duration::from_secs(1), "1000", "1000m"),
            (Duration::from_micros(1_999), "1", "1m"),
            (Duration::from_micros(999), "1", "999u"),
            (Duration::from_nanos(999), "1", "999n"),
            (Duration::from_secs(100_000), "100000000", "100000S"),
            (
                Duration::from_secs(6_000_000_000),
                "6000000000000",
                "1666666H",
            ),
        ] {
            assert_eq!(expected_value(left), expected);
            let value = grpc_value(left);
            let mut headers = HeaderMap::new();
            headers.insert(&GRPC_TIMEOUT, value.clone());
            assert_eq!(value, grpc);
            assert!(parse_grpc_timeout(&headers).unwrap() <= left, "{grpc}");
        }
    }

    #[test]
    fn a_shorter_time_that_was_told_stays() {
        let now = clock::now();
        let mut headers = HeaderMap::new();
        headers.insert(&EXPECTED, HeaderValue::from_static("8"));
        let late = Deadline::at(now + Duration::from_millis(20));
        late.write_to_at(&mut headers, now);
        assert_eq!(headers[&EXPECTED], "8");
        late.write_to_at(&mut headers, now + Duration::from_millis(15));
        assert_eq!(headers[&EXPECTED], "5");
        assert!(!headers.contains_key(&GRPC_TIMEOUT), "not a gRPC request");
    }
}
