//! Follows a request from service to service: accepts the trace that it brings, and puts it on every
//! call that is made for it, with no code in the handler.
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
//! // What the other service sees of the call, and the handler that makes it.
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
//! How it is configured, and how one sees where the time went:
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
//! // Later: one line for each hop, such as `waste-service server GET /analyze 200 in 12.5ms`.
//! for span in spans.spans() {
//!     println!("{} {span}", span.trace_id());
//! }
//! ```
//!
//! # Where the layers go
//!
//! - [`TraceServerLayer`], outermost around the routes: one span a request.
//! - [`TraceClientLayer`], outermost around the client: one span a call, with all its attempts.
//! - [`TraceAttemptLayer`], inside the retry layer: one span an attempt, with its number from
//!   `x-envoy-attempt-count`. Without it, all attempts carry the id of their call.
//!
//! # Which headers are read and written
//!
//! | headers | read | written on calls |
//! |---|---|---|
//! | `traceparent`, `tracestate` ([W3C Trace Context]) | yes | always |
//! | `b3` ([B3]) | if there is no good `traceparent` | if it came |
//! | `x-b3-traceid` and its like ([B3]) | if there is neither | if they came |
//! | `x-request-id` (Envoy) | yes; made when missing, as a UUID | always |
//! | those of [`TracePolicy::with_forwarded`] | yes | as they came |
//!
//! The reader of W3C's headers is as strict as the Recommendation asks: what is wrong in any way is as
//! good as missing, a wrong `tracestate` is dropped as a whole, and the trace begins anew, with an
//! event that tells why. Each hop gets a span id of its own, whose parent is the id that came; the
//! sampled flag stays as it came.
//!
//! # Where the trace reaches
//!
//! It is the thread's current one while the handler's future is polled and dropped, and while the
//! response body makes each of its frames. So it reaches what a handler awaits, joins and selects
//! over. Into tasks of their own it is taken by [`.in_current_trace()`](InCurrentTrace), into
//! blocking work by [`in_current_trace`]. Outside of every request [`TraceContext::begin`] makes one;
//! a client layer that finds none looks at the call's own headers, and else begins one.
//!
//! # What `tracing` gets
//!
//! The spans `http.server.request`, `http.client.request` and `http.client.attempt`, with
//! OpenTelemetry's field names and `trace_id`, `span_id`, `parent_span_id`, `request_id`; the status is
//! recorded as it arrives, `duration_ms` when the body ends. No query is told: it may hold secrets.
//! What the layers inside decide is logged inside these spans. With no subscriber that wants them,
//! neither a clock is read nor an id formatted.
//!
//! [B3]: https://github.com/openzipkin/b3-propagation
//! [W3C Trace Context]: https://www.w3.org/TR/trace-context-1/

mod body;
mod context;
mod future;
mod gate;
mod layer;
mod policy;
mod processor;
mod propagation;
mod service;
mod settings;
mod shared;

pub use body::TracedBody;
pub use context::TraceContext;
pub(crate) use context::current::Scope;
pub use context::ids::{SpanId, TraceId};
pub use context::instrumented::{InCurrentTrace, Instrumented, in_current_trace};
pub use context::span::SpanTicket;
pub use context::span_data::{SpanData, SpanKind};
pub use future::TracedFuture;
pub use gate::{SpanGate, TracedGate};
pub use layer::{TraceAttemptLayer, TraceClientLayer, TraceServerLayer};
pub use policy::TracePolicy;
pub use processor::{InMemorySpans, SpanProcessor};
pub use propagation::Propagation;
pub use propagation::extract_error::ExtractError;
pub use service::Traced;
pub(crate) use shared::Tracer;
