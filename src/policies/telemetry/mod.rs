//! Distributed tracing: continues the trace of a request, and propagates it to every call made for
//! it, without code in the handler.
//!
//! # Example
//!
//! ```
//! use meshless::telemetry::{TraceClientLayer, TraceContext, TraceServerLayer};
//! use tower::{Layer, Service};
//! # use std::convert::Infallible;
//! # use bytes::Bytes;
//! # use http::{Request, Response};
//! # use http_body_util::Empty;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // The called service as it sees the request, and the handler that makes the call.
//! let transport = tower::service_fn(|request: Request<()>| async move {
//!     let traceparent = request.headers()["traceparent"].to_str().unwrap();
//!     assert!(traceparent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
//!     assert!(!traceparent.contains("b7ad6b7169203331"), "a hop of its own");
//!     Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
//! });
//! let client = TraceClientLayer::default().layer(transport);
//! let handler = tower::service_fn(move |_: Request<()>| {
//!     let mut client = client.clone();
//!     async move { client.call(Request::new(())).await }
//! });
//!
//! let mut server = TraceServerLayer::default().layer(handler);
//! let request = Request::builder()
//!     .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
//!     .body(())
//!     .unwrap();
//! server.call(request).await.unwrap();
//! # }
//! ```
//!
//! Configuration, and a listing of the spans with their durations:
//!
//! ```
//! use std::sync::Arc;
//!
//! use http::HeaderName;
//! use meshless::telemetry::{InMemorySpans, TracePolicy, TraceServerLayer};
//!
//! let policy = TracePolicy::default()
//!     .with_service("waste-service")
//!     // Istio's header of the signed-in user reaches the services behind this one.
//!     .with_forwarded([HeaderName::from_static("end-user")])
//!     .with_request_id_in_response(true);
//! let spans = InMemorySpans::new(1_000);
//! let layer = TraceServerLayer::with_processor(policy, Arc::new(spans.clone()));
//! # let _: tower::util::BoxCloneServiceLayer<
//! #     tower::util::BoxCloneService<http::Request<()>, http::Response<String>, std::io::Error>,
//! #     http::Request<()>,
//! #     http::Response<meshless::telemetry::TracedBody<String>>,
//! #     std::io::Error,
//! # > = tower::util::BoxCloneServiceLayer::new(layer);
//! // Later: one line for each span, such as `waste-service server GET /analyze 200 in 12.5ms`.
//! for span in spans.spans() {
//!     println!("{} {span}", span.trace_id());
//! }
//! ```
//!
//! # Placement
//!
//! - [`TraceServerLayer`], outermost around the routes: one span a request.
//! - [`TraceClientLayer`], outermost around the client: one span a call, with all its attempts.
//! - [`TraceAttemptLayer`], inside the retry layer: one span an attempt, with its number from that layer,
//!   or from `x-envoy-attempt-count` for another library's. Without it, all attempts carry the id of their call.
//!
//! # Headers
//!
//! | headers | read | written on calls |
//! |---|---|---|
//! | `traceparent`, `tracestate` ([W3C Trace Context]) | yes | always |
//! | `b3` ([B3]) | if there is no valid `traceparent` | if received, and [asked](TracePolicy::with_same_formats) |
//! | `x-b3-traceid` and its like ([B3]) | if there is neither | as `b3` |
//! | `x-request-id` (Envoy) | yes; created as a UUID if missing | if [asked](TracePolicy::with_request_id_in_request) |
//! | those of [`TracePolicy::with_forwarded`] | yes | as received |
//!
//! A mesh sends the last two kinds to the hosts inside it without being asked.
//!
//! W3C's headers are parsed as strictly as the Recommendation asks: an invalid `traceparent` counts
//! as missing, and an invalid `tracestate` is dropped as a whole. The layer then starts a new
//! trace, and an event reports the reason. Each span gets an id of its own, whose parent is the
//! received id; the sampled flag is kept.
//!
//! # Scope of the current trace
//!
//! The trace is the thread's current one while the handler's future is polled and dropped, and
//! while the response body produces each of its frames. It therefore covers everything that a
//! handler awaits, joins and selects over. [`.in_current_trace()`](InCurrentTrace) carries it into
//! spawned tasks, [`in_current_trace`] into blocking work. Outside of every request
//! [`TraceContext::begin`] starts one; a client layer without a current trace reads the call's own
//! headers, or else starts a trace.
//!
//! # Spans of `tracing`
//!
//! The spans `http.server.request`, `http.client.request` and `http.client.attempt`, with
//! OpenTelemetry's field names and `trace_id`, `span_id`, `parent_span_id`, `request_id`; the
//! status is recorded when it arrives, `duration_ms` when the body ends. The query is not recorded:
//! it may contain secrets. Decisions of the inner layers are logged inside these spans. Without a
//! subscriber for them, no clock is read and no id is formatted.
//!
//! [B3]: https://github.com/openzipkin/b3-propagation
//! [W3C Trace Context]: https://www.w3.org/TR/trace-context-1/

mod body;
mod context;
mod extract_error;
mod formats;
mod future;
mod gate;
mod layer;
mod observed;
mod policy;
mod processor;
mod propagation;
mod service;
mod settings;
mod shared;
mod sizes;
mod started_span;
mod tracing_span;

pub use crate::foundation::events::TracingObserver;
pub use body::TracedBody;
pub use context::TraceContext;
pub(crate) use context::current::Scope;
pub use context::ids::{SpanId, TraceId};
pub use context::instrumented::{InCurrentTrace, Instrumented, in_current_trace};
pub use context::span::SpanTicket;
pub use context::span_data::{SpanData, SpanKind};
pub use extract_error::ExtractError;
pub use formats::Propagation;
pub use future::TracedFuture;
pub use gate::{SpanGate, TracedGate};
pub use layer::{TraceAttemptLayer, TraceClientLayer, TraceServerLayer};
pub use policy::TracePolicy;
pub use processor::{InMemorySpans, SpanProcessor};
pub use service::Traced;
pub(crate) use shared::Tracer;
