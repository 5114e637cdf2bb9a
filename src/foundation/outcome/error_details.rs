//! Details of a rejection for gRPC callers: a `google.rpc.Status` with `ErrorInfo` and `RetryInfo`.
//!
//! The three messages have few fields, and are written here without a protobuf library.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Rejection;

/// Domain of the reasons of this crate.
pub(crate) const DOMAIN: &str = "meshless";

const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// Adds to a trailers-only response who rejected the request, why, and the time of the next attempt.
pub(super) fn insert(headers: &mut HeaderMap, rejection: Rejection) {
    // Base64 is always a valid header value.
    if let Ok(details) = HeaderValue::try_from(base64(&status(rejection))) {
        headers.insert(DETAILS, details);
    }
    if let Some(retry_after) = rejection.retry_after() {
        headers.insert(PUSHBACK, HeaderValue::from(whole_millis(retry_after)));
    } else if matches!(rejection, Rejection::RateLimited { .. }) {
        // The request costs more than the limit ever allows: a negative value forbids retries (gRPC A6).
        headers.insert(PUSHBACK, HeaderValue::from_static("-1"));
    }
}

/// Rounds up, to at least 1, and to what a signed 32-bit number holds: some clients read no more.
fn whole_millis(duration: Duration) -> i32 {
    let up = u128::from(!duration.subsec_nanos().is_multiple_of(1_000_000));
    i32::try_from(duration.as_millis() + up).map_or(i32::MAX, |millis| millis.max(1))
}

/// Returns the `ErrorInfo.reason` of a rejection: the name of its variant.
const fn reason(rejection: Rejection) -> &'static str {
    match rejection {
        Rejection::AccessDenied { .. } => "ACCESS_DENIED",
        Rejection::BadRequest { .. } => "BAD_REQUEST",
        Rejection::CircuitOpen { .. } => "CIRCUIT_OPEN",
        Rejection::CorsPreflight => "CORS_PREFLIGHT",
        Rejection::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Rejection::FaultInjected { .. } => "FAULT_INJECTED",
        Rejection::NoHealthyUpstream => "NO_HEALTHY_UPSTREAM",
        Rejection::NoRoute => "NO_ROUTE",
        Rejection::Overflow { .. } => "OVERFLOW",
        Rejection::RateLimited { .. } => "RATE_LIMITED",
        Rejection::RequestBody => "REQUEST_BODY",
        Rejection::TimedOut { .. } => "TIMED_OUT",
        #[cfg(feature = "jwt")]
        Rejection::Unauthenticated { .. } => "UNAUTHENTICATED",
        Rejection::UnknownCoding => "UNKNOWN_CODING",
        Rejection::UnknownDestination => "UNKNOWN_DESTINATION",
        Rejection::UnknownHost => "UNKNOWN_HOST",
        Rejection::UpgradeRefused => "UPGRADE_REFUSED",
        Rejection::UpstreamReset { .. } => "UPSTREAM_RESET",
    }
}

/// Writes `google.rpc.Status`: code 1, message 2, details 3.
fn status(rejection: Rejection) -> Vec<u8> {
    let mut status = Vec::with_capacity(256);
    number(&mut status, 1, rejection.grpc_status().code().into());
    bytes(&mut status, 2, rejection.to_string().as_bytes());
    detail(&mut status, "ErrorInfo", &error_info(rejection));
    if let Some(retry_after) = rejection.retry_after() {
        detail(&mut status, "RetryInfo", &retry_info(retry_after));
    }
    status
}

/// Appends one detail, a `google.protobuf.Any`: type 1, value 2.
fn detail(status: &mut Vec<u8>, name: &str, message: &[u8]) {
    let mut any = Vec::with_capacity(message.len() + 64);
    let url = format!("type.googleapis.com/google.rpc.{name}");
    bytes(&mut any, 1, url.as_bytes());
    bytes(&mut any, 2, message);
    bytes(status, 3, &any);
}

/// Writes `google.rpc.ErrorInfo`: reason 1, domain 2, metadata 3 (key 1, value 2).
fn error_info(rejection: Rejection) -> Vec<u8> {
    let mut info = Vec::with_capacity(128);
    bytes(&mut info, 1, reason(rejection).as_bytes());
    bytes(&mut info, 2, DOMAIN.as_bytes());
    for (key, value) in [
        ("policy", rejection.policy()),
        ("response_flags", rejection.flag()),
    ] {
        let mut entry = Vec::with_capacity(64);
        bytes(&mut entry, 1, key.as_bytes());
        bytes(&mut entry, 2, value.as_bytes());
        bytes(&mut info, 3, &entry);
    }
    info
}

/// Writes `google.rpc.RetryInfo`: its delay 1, a `Duration` of seconds 1 and nanoseconds 2.
fn retry_info(retry_after: Duration) -> Vec<u8> {
    let mut duration = Vec::with_capacity(16);
    // protobuf's durations end at 10,000 years.
    number(&mut duration, 1, retry_after.as_secs().min(315_576_000_000));
    number(&mut duration, 2, retry_after.subsec_nanos().into());
    let mut info = Vec::with_capacity(20);
    bytes(&mut info, 1, &duration);
    info
}

/// Appends a field of wire type 0; 0 is the value of an absent field.
fn number(message: &mut Vec<u8>, field: u8, value: u64) {
    if value != 0 {
        message.push(field << 3);
        varint(message, value);
    }
}

/// Appends a field of wire type 2.
fn bytes(message: &mut Vec<u8>, field: u8, value: &[u8]) {
    message.push(field << 3 | 2);
    varint(message, value.len() as u64);
    message.extend_from_slice(value);
}

fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    message.push(value.to_le_bytes()[0]);
}

/// Encodes without padding, as gRPC recommends for binary headers.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for shift in [18, 12, 6, 0].into_iter().take(chunk.len() + 1) {
            text.push(ALPHABET[(bits >> shift & 0x3f) as usize].into());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648_without_padding() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_pushback_is_in_whole_milliseconds_rounded_up_and_fits_any_client() {
        for (micros, millis) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (2_000_000, 2_000)] {
            assert_eq!(whole_millis(Duration::from_micros(micros)), millis);
        }
        assert_eq!(whole_millis(Duration::MAX), i32::MAX);
    }
}
