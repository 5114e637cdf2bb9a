//! Reads `Retry-After` (RFC 9110, section 10.2.3) and what is written alike.

use std::time::{Duration, SystemTime};

/// Returns how long `Retry-After` asks to wait, in seconds or until a date; `now` is the time of the server
/// that wrote it. A date that has passed asks for no wait.
pub(crate) fn wait(text: &str, now: impl FnOnce() -> SystemTime) -> Option<Duration> {
    // A plus is not in the grammar, but servers write it.
    let plain = text.strip_prefix('+').unwrap_or(text);
    if let Some(seconds) = seconds(plain) {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now()).unwrap_or_default())
}

/// Reads a whole number of seconds without a sign. One that has more digits than fit is the longest time:
/// it asks to stay away, not to come back at once.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_of_more_digits_than_fit_is_long_and_a_plus_is_read() {
        let wait = |text| wait(text, || SystemTime::UNIX_EPOCH);
        for (text, expected) in [
            ("12", Some(12)),
            ("+1", Some(1)),
            ("0", Some(0)),
            ("99999999999999999999", Some(u64::MAX)),
            ("Thu, 01 Jan 1970 00:00:07 GMT", Some(7)),
            ("++1", None),
            ("-1", None),
            ("1.5", None),
            ("+", None),
            ("", None),
        ] {
            assert_eq!(wait(text), expected.map(Duration::from_secs), "{text:?}");
        }
    }
}
