use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, Uri, header};
use http_body::Frame;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::page::Shared;
use super::recorder::RecordedEvent;
use super::security::{browser, headers};
use super::views::{config_dump, envoy_clusters, graph, recorded, state};
use super::{actions, fleet};

/// Interval of comments in a stream without events, so that a reader that is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

const HTML: &str = include_str!("static/index.html");
const SCRIPT: &str = include_str!("static/page.js");
const GRAPH_SCRIPT: &str = include_str!("static/graph.js");
const STYLE: &str = include_str!("static/page.css");
const ICON: &str = include_str!("static/icon.svg");

/// Routes that hold no data, and need no token.
const OPEN: [&str; 6] = [
    "/",
    "/graph.js",
    "/icon.svg",
    "/page.css",
    "/page.js",
    "/ready",
];

/// Returns the routes, behind their protection.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    #[cfg(feature = "prometheus")]
    let metrics = shared.mesh.metrics();
    let router = Router::new();
    #[cfg(feature = "prometheus")]
    let router = match metrics {
        Some(metrics) => router.route("/stats/prometheus", metrics.handler()),
        None => router,
    };
    router
        .route("/", get(async || text("text/html; charset=utf-8", HTML)))
        .route("/page.js", get(async || text(JAVASCRIPT, SCRIPT)))
        .route("/graph.js", get(async || text(JAVASCRIPT, GRAPH_SCRIPT)))
        .route("/page.css", get(async || text("text/css", STYLE)))
        .route("/icon.svg", get(async || text("image/svg+xml", ICON)))
        .route("/api/state", get(state_json))
        .route("/api/graph", get(graph_json))
        .route("/api/events", get(events))
        .route("/fleet", get(fleet_json))
        .route("/clusters", get(clusters))
        .route("/config_dump", get(config))
        .route("/server_info", get(server_info))
        .route("/ready", get(ready))
        .route("/actions/circuit", post(actions::circuit))
        .route("/actions/uneject", post(actions::uneject))
        .route("/actions/weights", post(actions::weights))
        .fallback(async || (StatusCode::NOT_FOUND, "no such page\n"))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard))
        .with_state(shared)
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Refuses requests of other sites and requests without the token, and protects every response.
async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match browser::check(&parts, &shared.hosts) {
        Err(refused) => (StatusCode::FORBIDDEN, refused.text()).into_response(),
        Ok(()) if !is_allowed(&shared, &parts) => unauthorized(),
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
    };
    headers::protect(response.headers_mut());
    response
}

/// Returns true if a request may see what it asks for; actions have a token of their own.
fn is_allowed(shared: &Shared, parts: &http::request::Parts) -> bool {
    let path = parts.uri.path();
    let Some(token) = &shared.token else {
        return true;
    };
    OPEN.contains(&path) || path.starts_with("/actions/") || token.is_in(&parts.headers)
}

/// Returns the response to a request without the token that it needs.
pub(super) fn unauthorized() -> Response {
    let asks = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, asks, "a token is needed\n").into_response()
}

async fn state_json(State(shared): State<Arc<Shared>>) -> Response {
    json(&state::state(&shared))
}

async fn graph_json(State(shared): State<Arc<Shared>>) -> Response {
    let mesh = shared.mesh.snapshot();
    let mut value = graph::graph(&shared, &mesh);
    value["process"] = state::process(&shared);
    json(&value)
}

async fn fleet_json(State(shared): State<Arc<Shared>>) -> Response {
    json(&fleet::merged(&shared).await)
}

async fn clusters(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let asked = |name: &str| {
        let pairs = uri.query().unwrap_or_default().split('&');
        let mut pairs = pairs.filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(key, value)| (key == name).then(|| value.replace("%2F", "/")))
    };
    let clusters = envoy_clusters::clusters(&shared, asked("proxy").as_deref());
    let counts = shared.recorder.attempts();
    if asked("format").as_deref() == Some("json") {
        return json(&envoy_clusters::json(&clusters, &counts));
    }
    text(PLAIN, envoy_clusters::text(&clusters, &counts))
}

async fn config(State(shared): State<Arc<Shared>>) -> Response {
    json(&config_dump::dump(&shared))
}

async fn server_info(State(shared): State<Arc<Shared>>) -> Response {
    json(&state::server_info(&shared))
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let status = if shared.readiness.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let state = format!("{}\n", state::live(&shared));
    (status, text(PLAIN, state)).into_response()
}

const PLAIN: &str = "text/plain; charset=utf-8";

fn text(content_type: &'static str, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    let content_type = HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

/// Returns a value as a response.
pub(super) fn json(value: &Value) -> Response {
    text("application/json", value.to_string())
}

/// Streams the events from now on.
async fn events(State(shared): State<Arc<Shared>>) -> Response {
    let Ok(permit) = Arc::clone(&shared.streams).try_acquire_owned() else {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "too many readers of events\n",
        )
            .into_response();
    };
    let readiness = shared.readiness.clone();
    let body = EventBody {
        ended: Box::pin(async move { readiness.ended().await }),
        next: next_event(shared.recorder.subscribe()),
        _permit: permit,
    };
    text("text/event-stream", Body::new(body))
}

type NextEvent =
    Pin<Box<dyn Future<Output = (Option<Bytes>, Receiver<Arc<RecordedEvent>>)> + Send>>;

/// Body of a stream of events.
struct EventBody {
    /// The end of the service, which would wait for this stream otherwise.
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
    next: NextEvent,
    _permit: OwnedSemaphorePermit,
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.ended.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        let (message, receiver) = std::task::ready!(self.next.as_mut().poll(cx));
        self.next = next_event(receiver);
        Poll::Ready(message.map(|message| Ok(Frame::data(message))))
    }
}

fn next_event(mut receiver: Receiver<Arc<RecordedEvent>>) -> NextEvent {
    Box::pin(async move {
        let event = tokio::time::timeout(KEEP_ALIVE, receiver.recv()).await;
        let message = match event {
            Err(_) => Some(":\n\n".to_owned()),
            Ok(Ok(event)) => {
                let number = event.number;
                let value = recorded::event(&event);
                Some(format!("id: {number}\nevent: decision\ndata: {value}\n\n"))
            }
            Ok(Err(RecvError::Lagged(missed))) => {
                Some(format!("event: missed\ndata: {{\"missed\": {missed}}}\n\n"))
            }
            Ok(Err(RecvError::Closed)) => None,
        };
        (message.map(Bytes::from), receiver)
    })
}
