use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::GrpcStatus;
use crate::base::{Answer, Failure};

/// Takes away what is said to the next hop alone (RFC 9110, section 7.6.1); `te: trailers` stays, which
/// gRPC asks every hop for.
pub(super) fn strip(headers: &mut HeaderMap) {
    let named = |value: &HeaderValue| {
        let names = value.to_str().unwrap_or_default().split(',');
        names
            .filter_map(|name| HeaderName::try_from(name.trim()).ok())
            .collect::<Vec<_>>()
    };
    if headers.contains_key(header::CONNECTION) {
        let connection = headers.get_all(header::CONNECTION).iter();
        for name in connection.flat_map(named).collect::<Vec<_>>() {
            if name != header::TE {
                headers.remove(name);
            }
        }
    }
    for name in [
        header::CONNECTION,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ] {
        headers.remove(name);
    }
    if headers.get(header::TE).is_some_and(|te| te != "trailers") {
        headers.remove(header::TE);
    }
}

/// Answers for an upstream that gave none, in Envoy's words.
pub(super) fn failed(failure: Failure, grpc: bool) -> Response<Answer> {
    let (status, text) = match failure {
        Failure::Connect | Failure::Dns | Failure::Tls => (
            StatusCode::SERVICE_UNAVAILABLE,
            "upstream connect error or disconnect/reset before headers. reset reason: remote \
             connection failure",
        ),
        Failure::Timeout => (StatusCode::GATEWAY_TIMEOUT, "upstream request timeout"),
        Failure::Reset | Failure::RefusedStream => (
            StatusCode::SERVICE_UNAVAILABLE,
            "upstream connect error or disconnect/reset before headers. reset reason: remote reset",
        ),
        // What has no name is most of all an answer that is no HTTP.
        Failure::Other => (
            StatusCode::BAD_GATEWAY,
            "upstream connect error or disconnect/reset before headers. reset reason: protocol error",
        ),
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            "upstream connect error or disconnect/reset before headers. reset reason: connection \
             termination",
        ),
    };
    if grpc {
        let message = Some(HeaderValue::from_static(text));
        return Answer::to_grpc(GrpcStatus::UNAVAILABLE, message);
    }
    Answer::to_http(status, Bytes::from_static(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_answered_with_envoys_status() {
        for (failure, status) in [
            (Failure::Closed, 503),
            (Failure::Connect, 503),
            (Failure::Dns, 503),
            (Failure::NotSent, 503),
            (Failure::Other, 502),
            (Failure::RefusedStream, 503),
            (Failure::Reset, 503),
            (Failure::Timeout, 504),
            (Failure::Tls, 503),
        ] {
            assert_eq!(failed(failure, false).status(), status, "{failure:?}");
            let grpc = failed(failure, true);
            assert_eq!(grpc.status(), 200, "{failure:?}");
            let status = GrpcStatus::from_headers(grpc.headers());
            assert_eq!(status, Some(GrpcStatus::UNAVAILABLE), "{failure:?}");
        }
    }
}
