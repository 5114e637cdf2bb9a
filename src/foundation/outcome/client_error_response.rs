use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::client_error::Error;
use super::rejection::whole_seconds;
use super::{Failure, Rejection};

/// The response of a gateway to a call that failed, for a handler that ends with `?`.
///
/// | error | status |
/// |---|---|
/// | a policy rejected the call | 503, and 504 after a timeout; another one that the rejection has from 500 on |
/// | no response | 503 without a connection, 504 after a timeout, else 502 |
/// | a status of 400 or above | 503 and 504 as they are, else 502: the request to this service was not at fault |
/// | broken off, not decoded, a redirect not followed | 502 |
/// | the request could not be built | 500 |
///
/// The body is the name of the status, and nothing of the upstream: no URL, no text, no header. A rejection that knows
/// when the next attempt may succeed sets `Retry-After`.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = status(&self);
        let text = status.canonical_reason().unwrap_or_default();
        let mut response = (status, text).into_response();
        let wait = self.rejection().and_then(Rejection::retry_after);
        if let Some(wait) = wait {
            let seconds = HeaderValue::from(whole_seconds(wait));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

fn status(error: &Error) -> StatusCode {
    match error {
        Error::Builder { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        _ if error.is_timeout() => StatusCode::GATEWAY_TIMEOUT,
        Error::Rejected { rejection, .. } => match rejection {
            // It is this service that calls too often, not its caller.
            Rejection::RateLimited(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => of_upstream(rejection.status(), StatusCode::is_server_error),
        },
        Error::Send { .. } => match error.failure() {
            Some(Failure::Connect | Failure::Dns | Failure::NotSent | Failure::Tls) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::BAD_GATEWAY,
        },
        Error::Status { status, .. } => of_upstream(*status, |status| {
            matches!(
                *status,
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
            )
        }),
        Error::Body { .. } | Error::Decode { .. } | Error::Redirect { .. } => {
            StatusCode::BAD_GATEWAY
        }
    }
}

/// Returns a status that may go on, or else 502.
fn of_upstream(status: StatusCode, may_go_on: impl FnOnce(&StatusCode) -> bool) -> StatusCode {
    if may_go_on(&status) {
        status
    } else {
        StatusCode::BAD_GATEWAY
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use axum::body::to_bytes;

    use super::*;
    use crate::foundation::outcome::{OpenReason, Overflow};

    fn url() -> reqwest::Url {
        "https://secret.example/path?key=1".parse().unwrap()
    }

    fn rejected(rejection: Rejection) -> Error {
        Error::Rejected {
            attempts: 1,
            cause: None,
            layer: None,
            rejection,
            url: Some(Box::new(url())),
        }
    }

    fn failed(kind: io::ErrorKind) -> Error {
        Error::send(io::Error::new(kind, "10.0.0.7:5432"), Box::new(url()), 1)
    }

    fn upstream(status: u16) -> Error {
        Error::Status {
            status: StatusCode::from_u16(status).unwrap(),
            url: Some(Box::new(url())),
        }
    }

    #[tokio::test]
    async fn a_handler_that_ends_with_a_failed_call_answers_as_a_gateway_and_tells_nothing_of_the_upstream()
     {
        let open = Rejection::CircuitOpen {
            retry_after: Some(Duration::from_millis(1_500)),
            reason: OpenReason::Forced,
        };
        for (error, status, retry_after) in [
            (rejected(open), 503, Some("2")),
            (
                rejected(Rejection::TimedOut(Duration::from_secs(1))),
                504,
                None,
            ),
            (rejected(Rejection::DeadlineExceeded), 504, None),
            (rejected(Rejection::NoRoute), 502, None),
            (rejected(Rejection::NoHealthyUpstream), 503, None),
            (failed(io::ErrorKind::ConnectionRefused), 503, None),
            (failed(io::ErrorKind::ConnectionReset), 502, None),
            (failed(io::ErrorKind::TimedOut), 504, None),
            (upstream(404), 502, None),
            (upstream(429), 502, None),
            (upstream(503), 503, None),
            (Error::body("broken", Some(Box::new(url()))), 502, None),
            (Error::builder("no URL"), 500, None),
        ] {
            let text = error.to_string();
            let response = error.into_response();
            assert_eq!(response.status(), status, "{text}");
            let wait = response.headers().get("retry-after").cloned();
            assert_eq!(
                wait.as_ref().and_then(|wait| wait.to_str().ok()),
                retry_after,
                "{text}"
            );
            let reason = response.status().canonical_reason().unwrap();
            let body = to_bytes(response.into_body(), 1_000).await.unwrap();
            assert_eq!(body, reason.as_bytes(), "{text}");
        }
        let full = rejected(Rejection::Overflow(Overflow::InFlight(5)));
        assert_eq!(full.into_response().status(), 503);
    }
}
