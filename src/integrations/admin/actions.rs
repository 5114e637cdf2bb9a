use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};
use serde_json::{Map, Value, json};

use super::handlers;
use super::page::Shared;
use super::security::redact;
use crate::foundation::events::EventKind;

/// Maximum length of the body of an action.
const MAX_BODY: usize = 16 << 10;
/// Longest time for which a circuit breaker is opened, a day.
const MAX_OPEN: f64 = 86_400.0;

type Fields = Map<String, Value>;

/// Opens or closes a circuit breaker, or returns it to its policy.
pub(super) async fn circuit(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    act(&shared, request, |fields| {
        let stack = required(fields, "stack")?;
        let host = fields.get("host").and_then(Value::as_str);
        let breaker = shared.stacks.circuit_breaker(stack, host);
        let breaker = breaker.ok_or_else(|| format!("no circuit breaker of `{stack}`"))?;
        let done = match (required(fields, "action")?, fields.get("seconds")) {
            ("open", None | Some(Value::Null)) => {
                breaker.force_open();
                "opened".to_owned()
            }
            ("open", Some(seconds)) => {
                let seconds = seconds
                    .as_f64()
                    .filter(|seconds| (0.0..=MAX_OPEN).contains(seconds));
                let seconds = seconds.ok_or("`seconds` is a number from 0 to 86400")?;
                breaker.open_for(Duration::from_secs_f64(seconds));
                format!("opened for {seconds} s")
            }
            ("close", _) => {
                breaker.force_closed();
                "held closed".to_owned()
            }
            ("reset", _) => {
                breaker.reset();
                "returned to its policy".to_owned()
            }
            _ => return Err("`action` is `open`, `close` or `reset`".to_owned()),
        };
        let host = host.map(|host| format!(" at {host}")).unwrap_or_default();
        Ok(format!("circuit breaker of {stack}{host} {done}"))
    })
    .await
}

/// Ends the ejections of an endpoint.
pub(super) async fn uneject(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    act(&shared, request, |fields| {
        let (cluster, endpoint) = (required(fields, "cluster")?, required(fields, "endpoint")?);
        match shared.mesh.uneject(cluster, endpoint) {
            0 => Err(format!("no ejection of {endpoint} in {cluster}")),
            _ => Ok(format!("ejection of {endpoint} in {cluster} ended")),
        }
    })
    .await
}

/// Sets the weights of a route.
pub(super) async fn weights(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    act(&shared, request, |fields| {
        let host = required(fields, "host")?;
        let weights = fields.get("weights").and_then(Value::as_array);
        let weights = weights.and_then(|all| {
            let all = all.iter();
            all.map(|one| u32::try_from(one.as_u64()?).ok())
                .collect::<Option<Vec<_>>>()
        });
        let weights = weights.ok_or("`weights` is a list of whole numbers")?;
        let result = match fields.get("route") {
            Some(Value::String(name)) => shared.mesh.set_weights(host, name.as_str(), &weights),
            Some(Value::Number(index)) => {
                let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
                let index = index.ok_or("`route` is a name or an index from 0")?;
                shared.mesh.set_weights(host, index, &weights)
            }
            _ => return Err("`route` is a name or an index from 0".to_owned()),
        };
        let change = result.map_err(|error| match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        })?;
        Ok(change.to_string())
    })
    .await
}

/// Performs an action for a caller with the token, and records it as an event.
async fn act(
    shared: &Shared,
    request: Request,
    action: impl FnOnce(&Fields) -> Result<String, String>,
) -> Response {
    let (parts, body) = request.into_parts();
    let Some(token) = &shared.actions else {
        return refused(
            StatusCode::FORBIDDEN,
            "the page is read-only: `Admin::with_actions`",
        );
    };
    let caller = caller(&parts);
    if !token.is_in(&parts.headers) {
        tracing::warn!(
            caller,
            path = parts.uri.path(),
            "an action without the token is refused"
        );
        return handlers::unauthorized();
    }
    // Another type could be sent by a form of another page.
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    let is_json = content_type.is_some_and(|value| {
        let value = value.as_bytes();
        let kind = value.split(|byte| *byte == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
    });
    if !is_json {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return refused(status, "the body of an action is application/json");
    }
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long");
    };
    let Ok(Value::Object(fields)) = serde_json::from_slice(&body) else {
        return refused(StatusCode::BAD_REQUEST, "the body is no object of JSON");
    };
    match action(&fields) {
        Ok(done) => {
            let text = format!("{done}, by {caller}");
            let text = redact::text(&text).unwrap_or(text);
            shared.mesh.emit(&EventKind::AdminAction(text.into()));
            handlers::json(&json!({ "done": done }))
        }
        Err(error) => refused(StatusCode::UNPROCESSABLE_ENTITY, &error),
    }
}

fn required<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, String> {
    let field = fields.get(name).and_then(Value::as_str);
    field.ok_or_else(|| format!("`{name}` is missing"))
}

fn caller(parts: &Parts) -> String {
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    address.map_or_else(
        || "an unknown address".to_owned(),
        |ConnectInfo(address)| address.to_string(),
    )
}

fn refused(status: StatusCode, error: &str) -> Response {
    (status, handlers::json(&json!({ "error": error }))).into_response()
}
