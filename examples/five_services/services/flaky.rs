//! A service that fails by a script, after it has done the work of the request.

use std::future::pending;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tokio::time::sleep;

use crate::stand_ins::{Fault, Script};

/// Loses or delays answers as the script says: what the request asked for has been done by then.
pub(super) async fn flaky(State(script): State<Script>, request: Request, next: Next) -> Response {
    if script.obey(request.uri().path()) {
        return "as you wish\n".into_response();
    }
    let fault = script.fault();
    let response = next.run(request).await;
    match fault {
        None => response,
        Some(Fault::Delay(delay)) => {
            sleep(delay).await;
            response
        }
        Some(Fault::Hang) => pending().await,
        Some(Fault::Status(status)) => status.into_response(),
        // Its connections are not its own to reset; and it says nothing of when to return.
        Some(Fault::Reset) => StatusCode::BAD_GATEWAY.into_response(),
        Some(Fault::TooMany(_)) => StatusCode::TOO_MANY_REQUESTS.into_response(),
    }
}
