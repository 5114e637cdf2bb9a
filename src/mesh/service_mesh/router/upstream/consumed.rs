//! Request headers that Envoy's router consumes, and the attempt count.

use http::{HeaderMap, HeaderName, HeaderValue};

const PREFIX: &str = "x-envoy-";

/// Headers that Envoy's router removes, whether it obeys them or not. Here they are ignored, as by an Envoy that
/// treats no caller as internal.
static CONSUMED: [HeaderName; 12] = [
    ATTEMPT_COUNT,
    HeaderName::from_static("x-envoy-hedge-on-per-try-timeout"),
    HeaderName::from_static("x-envoy-max-retries"),
    HeaderName::from_static("x-envoy-retriable-header-names"),
    HeaderName::from_static("x-envoy-retriable-status-codes"),
    HeaderName::from_static("x-envoy-retry-grpc-on"),
    HeaderName::from_static("x-envoy-retry-on"),
    HeaderName::from_static("x-envoy-upstream-alt-stat-name"),
    HeaderName::from_static("x-envoy-upstream-rq-per-try-timeout-ms"),
    HeaderName::from_static("x-envoy-upstream-rq-timeout-alt-response"),
    HeaderName::from_static("x-envoy-upstream-rq-timeout-ms"),
    HeaderName::from_static("x-envoy-upstream-stream-duration-ms"),
];

const ATTEMPT_COUNT: HeaderName = HeaderName::from_static("x-envoy-attempt-count");

/// Removes the headers that address a proxy.
pub(in crate::mesh) fn take_off(headers: &mut HeaderMap) {
    // Most requests carry none of them: one pass over the names costs less than twelve lookups.
    let is_envoys = |name: &HeaderName| name.as_str().starts_with(PREFIX);
    if headers.keys().any(is_envoys) {
        remove(headers);
    }
}

#[cold]
fn remove(headers: &mut HeaderMap) {
    for name in &CONSUMED {
        headers.remove(name);
    }
}

/// Writes an attempt count of 1, where no layer counts attempts.
pub(in crate::mesh) fn tell_only_try(headers: &mut HeaderMap) {
    headers.insert(ATTEMPT_COUNT, HeaderValue::from_static("1"));
}
