//! What a service answers when one of its own calls fails.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use meshless::Rejection;
use serde_json::{Value, json};

use super::outbound::{self, Error};

/// A call that failed; turns into an answer to the caller.
#[derive(Debug)]
pub(crate) struct Fail {
    reason: String,
    retry_after: Option<HeaderValue>,
    status: StatusCode,
}

impl From<Error> for Fail {
    fn from(error: Error) -> Self {
        let rejection = error.rejection();
        let status = match rejection {
            // Rejections of our own policies are passed to the caller: 429, 503 or 504, and when to return.
            Some(rejection) => rejection.status(),
            None if error.is_timeout() => StatusCode::GATEWAY_TIMEOUT,
            None => StatusCode::BAD_GATEWAY,
        };
        Self {
            reason: error.to_string(),
            retry_after: rejection
                .and_then(Rejection::retry_after)
                .map(whole_seconds),
            status,
        }
    }
}

impl IntoResponse for Fail {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.reason }));
        let mut response = (self.status, body).into_response();
        if let Some(retry_after) = self.retry_after {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, retry_after);
        }
        response
    }
}

/// Reads the answer of another service: its JSON, or why there is none.
pub(crate) async fn read(answer: Result<outbound::Response, Error>) -> Result<Value, Fail> {
    let answer = answer?;
    match answer.status() {
        status if status.is_success() => Ok(answer.json().await?),
        // The other service sets when to come back: the caller needs that as well.
        status @ StatusCode::TOO_MANY_REQUESTS => Err(Fail {
            reason: "too many requests".to_owned(),
            retry_after: answer.headers().get(header::RETRY_AFTER).cloned(),
            status,
        }),
        status => Err(Fail {
            reason: format!("a service behind this one answered {status}"),
            retry_after: None,
            status: StatusCode::BAD_GATEWAY,
        }),
    }
}

/// Rounds up: a retry after 0 seconds would be too early.
fn whole_seconds(wait: Duration) -> HeaderValue {
    let up = u64::from(wait.subsec_nanos() > 0);
    HeaderValue::from((wait.as_secs() + up).max(1))
}
