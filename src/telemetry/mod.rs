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

mod b3;
mod body;
mod context;
mod current;
mod future;
mod ids;
mod in_trace;
mod invalid;
mod layer;
mod policy;
mod propagation;
mod remote;
mod request_id;
mod service;
mod span;
mod span_data;
mod w3c;

pub use body::TracedBody;
pub use context::TraceContext;
pub use future::TracedFuture;
pub use ids::{SpanId, TraceId};
pub use in_trace::{InCurrentTrace, InTrace, in_current_trace};
pub use invalid::InvalidTrace;
pub use layer::{TraceAttemptLayer, TraceClientLayer, TraceServerLayer};
pub use policy::TracePolicy;
pub use propagation::Propagation;
pub use service::Traced;
pub use span::SpanTicket;
pub use span_data::{InMemorySpans, SpanData, SpanKind, SpanProcessor};
