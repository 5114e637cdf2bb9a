use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::foundation::http::retry_after;

/// Format of a header of [`RetryPolicy::with_reset_header`](super::RetryPolicy::with_reset_header). Fractions
/// are not read, as in Envoy.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ResetFormat {
    /// Seconds to wait.
    Seconds,
    /// Seconds since the Unix epoch at which to retry.
    UnixTimestamp,
}

/// Wait that a server requests before a retry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RetryAfter {
    /// At least this long, with jitter on top.
    AtLeast(Duration),
    /// Exactly this long (gRPC pushback).
    Exactly(Duration),
    /// No retry (gRPC pushback).
    Never,
}

const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

impl RetryAfter {
    /// Reads the wait from response headers. A date is compared with the server's own clock
    /// (`Date`) where the response has it, so that the local clock need not be right.
    pub(super) fn of(
        headers: &HeaderMap,
        reset_headers: &[(HeaderName, ResetFormat)],
        system_time: SystemTime,
    ) -> Option<Self> {
        if let Some(pushback) = pushback(headers) {
            return Some(pushback);
        }
        // A policy that sets the format of `Retry-After` overrides the standard one.
        let own = reset_headers
            .iter()
            .any(|(name, _)| name == header::RETRY_AFTER);
        let wait = reset(headers, reset_headers, system_time);
        let wait = wait.or_else(|| {
            if own {
                None
            } else {
                retry_after(headers, system_time)
            }
        });
        wait.map(Self::AtLeast)
    }
}

/// Reads gRPC A6's pushback: a negative, malformed or repeated value forbids a retry.
fn pushback(headers: &HeaderMap) -> Option<RetryAfter> {
    let mut values = headers.get_all(PUSHBACK).iter();
    let first = values.next()?;
    let millis = if values.next().is_none() {
        number(first)
    } else {
        None
    };
    Some(millis.map_or(RetryAfter::Never, |millis| {
        RetryAfter::Exactly(Duration::from_millis(millis))
    }))
}

fn reset(
    headers: &HeaderMap,
    reset_headers: &[(HeaderName, ResetFormat)],
    system_time: SystemTime,
) -> Option<Duration> {
    reset_headers.iter().find_map(|(name, format)| {
        let seconds = Duration::from_secs(retry_after::seconds(text(headers.get(name)?)?)?);
        let wait = match (format, UNIX_EPOCH.checked_add(seconds)) {
            (ResetFormat::Seconds, _) => seconds,
            (ResetFormat::UnixTimestamp, Some(moment)) => moment
                .duration_since(server_time(headers, system_time))
                .ok()?,
            (ResetFormat::UnixTimestamp, None) => Duration::MAX,
        };
        (!wait.is_zero()).then_some(wait)
    })
}

/// `Retry-After`; 0 and a date that has passed ask for nothing.
fn retry_after(headers: &HeaderMap, system_time: SystemTime) -> Option<Duration> {
    let value = text(headers.get(header::RETRY_AFTER)?)?;
    let wait = retry_after::wait(value, || server_time(headers, system_time))?;
    (!wait.is_zero()).then_some(wait)
}

fn server_time(headers: &HeaderMap, system_time: SystemTime) -> SystemTime {
    headers
        .get(header::DATE)
        .and_then(date)
        .unwrap_or(system_time)
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

/// Parses digits only: no sign, no fraction.
fn number(value: &HeaderValue) -> Option<u64> {
    let text = text(value)?;
    text.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    text.parse().ok()
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    fn wait(pairs: &[(&'static str, &'static str)]) -> Option<RetryAfter> {
        let system_time = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        RetryAfter::of(&headers(pairs), &[], system_time)
    }

    #[test]
    fn a_wait_is_read_in_seconds_and_as_a_date() {
        let five = Some(RetryAfter::AtLeast(Duration::from_secs(5)));
        assert_eq!(wait(&[("retry-after", "5")]), five);
        assert_eq!(wait(&[("retry-after", " 5 ")]), five);
        assert_eq!(
            wait(&[("retry-after", "Sun, 06 Nov 1994 08:49:42 GMT")]),
            five
        );
        let skewed = [
            ("retry-after", "Mon, 07 Nov 2050 00:00:05 GMT"),
            ("date", "Mon, 07 Nov 2050 00:00:00 GMT"),
        ];
        assert_eq!(wait(&skewed), five);
        for nothing in [
            "0",
            "-5",
            "2.5",
            "soon",
            "",
            "Sun, 06 Nov 1994 08:49:30 GMT",
        ] {
            assert_eq!(wait(&[("retry-after", nothing)]), None, "{nothing}");
        }
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn a_wait_of_more_digits_than_fit_is_the_longest_there_is() {
        let longest = Some(RetryAfter::AtLeast(Duration::from_secs(u64::MAX)));
        let digits = "99999999999999999999";
        assert_eq!(wait(&[("retry-after", digits)]), longest);
        let name = HeaderName::from_static("x-reset");
        for (format, expected) in [
            (ResetFormat::Seconds, Duration::from_secs(u64::MAX)),
            (ResetFormat::UnixTimestamp, Duration::MAX),
        ] {
            let reset = [(name.clone(), format)];
            let found = RetryAfter::of(&headers(&[("x-reset", digits)]), &reset, UNIX_EPOCH);
            assert_eq!(found, Some(RetryAfter::AtLeast(expected)));
        }
        assert_eq!(
            wait(&[("retry-after", "+1")]),
            Some(RetryAfter::AtLeast(Duration::from_secs(1)))
        );
    }

    #[test]
    fn a_pushback_is_exact_and_anything_odd_asks_for_no_retry() {
        let exactly = Some(RetryAfter::Exactly(Duration::from_millis(7)));
        let name = "grpc-retry-pushback-ms";
        assert_eq!(wait(&[(name, "7"), ("retry-after", "5")]), exactly);
        for odd in ["-1", "soon", "1.5"] {
            assert_eq!(wait(&[(name, odd)]), Some(RetryAfter::Never), "{odd}");
        }
        let mut twice = headers(&[(name, "100")]);
        twice.append(name, HeaderValue::from_static("10"));
        let wait = RetryAfter::of(&twice, &[], SystemTime::UNIX_EPOCH);
        assert_eq!(wait, Some(RetryAfter::Never));
    }
}
