//! Limits the response time, and propagates the time left to the upstream.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//!
//! use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
//! use tower::ServiceBuilder;
//!
//! # let upstream = tower::service_fn(|_: http::Request<()>| async {
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Empty::<bytes::Bytes>::new()))
//! # });
//! let service = ServiceBuilder::new()
//!     .layer(TimeoutLayer::new(TimeoutPolicy::total(Duration::from_secs(5))))
//!     .service(upstream);
//! # let _ = service;
//! ```
//!
//! A stream of events, or a download, lasts longer than any total timeout. Limit the time to its head, and the
//! silence of its body; the layer can change both while requests run:
//!
//! ```
//! # use std::time::Duration;
//! # use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
//! let policy = TimeoutPolicy::head(Duration::from_secs(15));
//! let layer = TimeoutLayer::new(policy.clone().with_idle(Duration::from_secs(60)));
//! layer.reconfigure(policy.with_idle(Duration::from_secs(30)));
//! ```
//!
//! # Behaviour of a timeout
//!
//! * Before the response head: 504 with the text `upstream request timeout` and
//!   [`Rejection::TimedOut`], for a gRPC request 200 with `grpc-status: 14`, as from Envoy. (A gRPC
//!   library would send 4, `DEADLINE_EXCEEDED`.) The inner call is dropped first.
//! * After it: the body ends with the error [`Elapsed`], which outer layers classify as
//!   [`Failure::Timeout`].
//! * A response, or a frame of its body, that is ready when the time is over still passes.
//! * The first total timeout that cuts off a `text/event-stream` (of unknown length) is reported as
//!   [`EventKind::StreamTimedOut`](crate::events::EventKind::StreamTimedOut), a warning in the log.
//!
//! # Deadline propagation
//!
//! The soonest of these is effective: the policy's total, the caller's
//! `x-envoy-expected-rq-timeout-ms` or, for gRPC, `grpc-timeout`, and [`Deadline::current`], set by
//! an outer layer of this crate. While the inner service runs, the effective deadline is
//! [`Deadline::current`], so that a client called from a handler observes it. The request is
//! forwarded with the time left: a gRPC request with `grpc-timeout`, and any with Envoy's header if it has that
//! already or the policy [asks for it](TimeoutPolicy::with_envoy_headers); never with more than the original value. A request whose deadline has passed is rejected with
//! [`Rejection::DeadlineExceeded`], and nothing is sent.
//!
//! By default Envoy has a deadline for each hop alone: the equivalent is
//! [`with_incoming(false)`](TimeoutPolicy::with_incoming) and, for the headers,
//! [`with_outgoing(false)`](TimeoutPolicy::with_outgoing). At an edge with untrusted callers,
//! propagation does little harm: a caller can only shorten its own wait.
//!
//! # Differences from Envoy
//!
//! The time includes the upload, and that of a try connecting: see the [table of
//! differences](crate::mesh#differences-from-envoy). As at Envoy's edge,
//! `x-envoy-upstream-rq-timeout-ms` is stripped and ignored;
//! [`with_header_overrides`](TimeoutPolicy::with_header_overrides) trusts it.
//!
//! # Upgrades
//!
//! A response with status 101 passes, and so does a CONNECT tunnel: the time to its head is
//! limited, the connection after it is not.
//!
//! [`Deadline::current`]: crate::Deadline::current
//! [`Failure::Timeout`]: crate::Failure::Timeout
//! [`Rejection::DeadlineExceeded`]: crate::Rejection::DeadlineExceeded
//! [`Rejection::TimedOut`]: crate::Rejection::TimedOut

mod body;
mod future;
mod layer;
mod machine;
mod policy;
mod policy_snapshot;
mod service;

pub use crate::foundation::deadline::WithDeadline;
pub use crate::foundation::outcome::Elapsed;
pub use body::TimeoutBody;
pub(crate) use body::limits::CallLimits;
pub use future::TimeoutFuture;
pub use layer::TimeoutLayer;
pub use policy::TimeoutPolicy;
pub use service::Timeout;
