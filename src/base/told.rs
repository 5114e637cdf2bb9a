use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

const EXPECTED: HeaderName = HeaderName::from_static("x-envoy-expected-rq-timeout-ms");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Tells the callee how long the answer is waited for: `x-envoy-expected-rq-timeout-ms` as Envoy, and
/// `grpc-timeout` for a gRPC request.
///
/// Rounded down, so that nobody is told more than there is, but to 1 ms at least: 0 means no limit.
pub(crate) fn tell(headers: &mut HeaderMap, left: Duration, grpc: bool) {
    let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1);
    headers.insert(EXPECTED, HeaderValue::from(millis));
    if grpc {
        headers.insert(GRPC_TIMEOUT, grpc_timeout(millis));
    }
}

/// Writes a time as gRPC does: at most eight digits and a unit.
fn grpc_timeout(millis: u64) -> HeaderValue {
    let text = if millis < 100_000_000 {
        format!("{millis}m")
    } else {
        format!("{}S", (millis / 1_000).min(99_999_999))
    };
    HeaderValue::try_from(text).expect("digits and a letter are a header's value")
}
