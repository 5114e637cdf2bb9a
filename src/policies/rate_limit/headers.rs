//! Response headers of a limit: the fields of draft-ietf-httpapi-ratelimit-headers, and Envoy's.

use std::fmt::Write;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Status;
use super::quota::Quota;
use super::state::policy_snapshot::PolicySnapshot;
use crate::foundation::outcome::RateLimited;

/// The responses that carry the status of a limit, and its format.
///
/// The fields are `RateLimit` and `RateLimit-Policy` of the IETF draft. A rejection has
/// `Retry-After` in any case.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum RateLimitHeaders {
    /// Every response. Nested limiters add one line each.
    All,
    /// Every response, with Envoy's `x-ratelimit-limit`, `-remaining` and `-reset` as well; the
    /// outer limiter's replace the inner one's.
    AllAndEnvoy,
    /// Every response, with Envoy's fields alone.
    Envoy,
    /// No response.
    None,
    /// Rejections alone.
    #[default]
    Rejections,
}

impl RateLimitHeaders {
    pub(super) const fn on_all(self) -> bool {
        matches!(self, Self::All | Self::AllAndEnvoy | Self::Envoy)
    }

    const fn ietf(self) -> bool {
        matches!(self, Self::All | Self::AllAndEnvoy | Self::Rejections)
    }

    const fn envoy(self) -> bool {
        matches!(self, Self::AllAndEnvoy | Self::Envoy)
    }
}

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Formats the value of `RateLimit-Policy`, which is constant for a policy.
pub(super) fn policy(name: &str, quota: &Quota) -> HeaderValue {
    let (limit, window) = match quota {
        Quota::AtMost(most) => (most.limit, most.period.div_ceil(1_000_000_000)),
        Quota::Bucket(bucket) => (bucket.max_tokens(), bucket.window()),
        Quota::Off => (u64::MAX, 0),
    };
    policy_value(name, limit, window)
}

/// Formats the value of `RateLimit-Policy` for a limit in a window.
#[cfg(feature = "governor")]
pub(super) fn policy_of(name: &str, limit: u64, window: Duration) -> HeaderValue {
    policy_value(name, limit, seconds(window))
}

fn policy_value(name: &str, limit: u64, window: u64) -> HeaderValue {
    let mut value = string(name);
    let _ = write!(value, ";q={}", integer(limit));
    if window > 0 {
        let _ = write!(value, ";w={}", integer(window));
    }
    header(&value)
}

pub(super) fn of_admission(active: &PolicySnapshot, status: &Status, answer: &mut HeaderMap) {
    let next = if status.remaining > 0 {
        status.full_in
    } else {
        status.reset
    };
    write(active, status.remaining, next, answer);
    write_envoy(active, status.limit, status.remaining, status.reset, answer);
}

pub(super) fn of_rejection(active: &PolicySnapshot, limited: &RateLimited, answer: &mut HeaderMap) {
    // The time for this request, if known; it may need more than one token.
    let next = limited.retry_after.unwrap_or(limited.reset);
    write(active, limited.remaining, next, answer);
    let reset = limited.reset;
    write_envoy(active, limited.limit, limited.remaining, reset, answer);
    for (name, value) in active.policy.answer_headers() {
        answer.append(name, value.clone());
    }
}

/// Writes the IETF fields; `t` is the time until more is available, and absent while the whole
/// limit is.
fn write(active: &PolicySnapshot, remaining: u64, next: Duration, answer: &mut HeaderMap) {
    if !active.policy.headers().ietf() {
        return;
    }
    let mut value = string(active.policy.name());
    let _ = write!(value, ";r={}", integer(remaining));
    if !next.is_zero() {
        let _ = write!(value, ";t={}", integer(seconds(next)));
    }
    // Appended, since the IETF's fields are lists: an inner limiter's items remain.
    answer.append(RATE_LIMIT, header(&value));
    answer.append(RATE_LIMIT_POLICY, active.policy_header());
}

fn write_envoy(
    active: &PolicySnapshot,
    limit: u64,
    remaining: u64,
    reset: Duration,
    answer: &mut HeaderMap,
) {
    if active.policy.headers().envoy() {
        // Replaced, since Envoy's fields hold a single number.
        answer.insert(X_LIMIT, HeaderValue::from(limit));
        answer.insert(X_REMAINING, HeaderValue::from(remaining));
        answer.insert(X_RESET, HeaderValue::from(seconds(reset)));
    }
}

/// Rounds up: a caller that retries early would be rejected again.
fn seconds(duration: Duration) -> u64 {
    let up = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(up)
}

/// Caps an integer at the 15 digits that structured fields (RFC 9651) allow.
fn integer(value: u64) -> u64 {
    value.min(999_999_999_999_999)
}

/// Formats a string of a structured field.
fn string(text: &str) -> String {
    // Room for the quotes and the parameters.
    let mut value = String::with_capacity(text.len() + 24);
    value.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => value.extend(['\\', c]),
            ' '..='~' => value.push(c),
            _ => value.push('?'),
        }
    }
    value.push('"');
    value
}

fn header(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("printable ASCII is valid in a header")
}
