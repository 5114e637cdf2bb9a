//! Stops waiting for an answer in time, and tells everybody on the way how much time is left.
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
//! An upstream that streams events has no total time. Give it a limit for its silences, and keep the
//! layer to change that while requests run:
//!
//! ```
//! # use std::time::Duration;
//! # use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
//! let quiet_for = Duration::from_secs(30);
//! let layer = TimeoutLayer::new(TimeoutPolicy::default().with_idle(quiet_for));
//! layer.reconfigure(TimeoutPolicy::default().with_idle(quiet_for / 2));
//! ```
//!
//! # What happens when the time is over
//!
//! * Before the head of the response: 504 with the text `upstream request timeout` and
//!   [`Rejection::TimedOut`], for a gRPC request 200 with `grpc-status: 14`, as Envoy answers. (A gRPC
//!   library would say 4, `DEADLINE_EXCEEDED`.) The inner call is dropped first.
//! * After it: the body ends with the error [`Elapsed`]. Layers around this one see
//!   [`Failure::Timeout`].
//! * An answer, or a part of a body, that is there when the time is over still goes through.
//! * The first total timeout that cuts a `text/event-stream` (one that does not tell its length) is reported
//!   as [`Event::StreamTimedOut`](crate::Event::StreamTimedOut), a warning in the log.
//!
//! # Deadlines travel
//!
//! The soonest of these holds: the policy's total, the caller's `x-envoy-expected-rq-timeout-ms` or,
//! for gRPC, `grpc-timeout`, and [`Deadline::current`], which an outer layer of this crate has set. While
//! the inner service works it is [`Deadline::current`] itself, so that a client called from a handler
//! knows it. Both headers go on with the time that is left, `grpc-timeout` only with gRPC requests, and
//! never with more than what they said. One that has passed already is answered with
//! [`Rejection::DeadlineExceeded`], and nothing is sent.
//!
//! Envoy has a deadline for each hop only, unless told otherwise; turn it off with
//! [`with_incoming(false)`](TimeoutPolicy::with_incoming), and the headers with
//! [`with_outgoing(false)`](TimeoutPolicy::with_outgoing). At an edge, where the caller is not trusted, it
//! does little harm: a caller can only shorten its own wait.
//!
//! # Where it differs from Envoy
//!
//! The time includes the upload, and that of a try connecting: see the [table of
//! differences](crate::mesh#differences-from-envoy). As at Envoy's edge,
//! `x-envoy-upstream-rq-timeout-ms` is stripped and ignored;
//! [`with_header_overrides`](TimeoutPolicy::with_header_overrides) trusts it.
//!
//! # Upgrades
//!
//! A response with status 101 passes, and so does a tunnel made by CONNECT: the time to its head is
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

pub use crate::foundation::outcome::Elapsed;
pub use body::TimeoutBody;
pub(crate) use body::limits::CallLimits;
pub use future::TimeoutFuture;
pub use layer::TimeoutLayer;
pub use policy::TimeoutPolicy;
pub use service::Timeout;
