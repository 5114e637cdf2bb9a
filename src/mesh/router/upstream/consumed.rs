//! Headers by which a request would tell a proxy how to send it on, and the count of its tries.

use http::{HeaderMap, HeaderName, HeaderValue};

const PREFIX: &str = "x-envoy-";

/// What Envoy's router takes off, whether it heeds it or not; here it is not heeded, as by an Envoy that
/// takes no caller for internal.
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

/// Takes the headers off that are addressed to a proxy.
pub(in crate::mesh) fn take_off(headers: &mut HeaderMap) {
    // Most requests carry none of them: one look at the names costs less than twelve searches.
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

/// Says that this is the first try, where no other follows.
pub(in crate::mesh) fn tell_only_try(headers: &mut HeaderMap) {
    headers.insert(ATTEMPT_COUNT, HeaderValue::from_static("1"));
}
