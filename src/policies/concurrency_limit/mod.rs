//! Limits the number of concurrent requests, queues a bounded number of others, and rejects the
//! rest.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//!
//! use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
//! use tower::ServiceBuilder;
//!
//! # let upstream = tower::service_fn(|_: http::Request<()>| async {
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Empty::<bytes::Bytes>::new()))
//! # });
//! let policy = ConcurrencyLimitPolicy::new(100)
//!     .with_max_pending(20)
//!     .with_max_wait(Duration::from_millis(250));
//! let service = ServiceBuilder::new()
//!     .layer(ConcurrencyLimitLayer::new(policy))
//!     .service(upstream);
//! # let _ = service;
//! ```
//!
//! The same limit guards any other work, such as database calls, and can be changed at run time:
//!
//! ```
//! use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), meshless::Rejection> {
//! let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(2));
//! let rows = limit.run(|| async { "rows" }).await?;
//! assert_eq!((rows, limit.in_flight()), ("rows", 0));
//! limit.reconfigure(ConcurrencyLimitPolicy::new(1));
//! # Ok(())
//! # }
//! ```
//!
//! # Requests in flight
//!
//! A request runs until its response body ends or is dropped, or until whatever happens instead: an
//! error, a panic, a caller that goes away. One that switches to another protocol (status 101) holds its
//! permit for as long as the body of that response is kept, though there is nothing in it. `Mesh::gateway`
//! and `client::Response::upgrade` keep it until the connection ends, so that it counts, as in Envoy. A
//! server of hyper lets it go with the head: around a service that switches by itself, take a permit of its
//! own in the task that serves the connection, with [`acquire`](ConcurrencyLimitLayer::acquire).
//!
//! # Pending requests
//!
//! The queue is first come, first served: a released permit goes to the request that has waited
//! longest, and later ones never overtake. A wait ends without a permit after
//! [`max_wait`](ConcurrencyLimitPolicy::with_max_wait), or at [`Deadline::current`] if that is
//! sooner; after the deadline there is no wait at all. A request is never queued in `poll_ready`,
//! so it does not block others.
//!
//! # Rejections
//!
//! 503 with `x-envoy-overloaded: true` and Envoy's text; for a gRPC request 200 with
//! `grpc-status: 14`. [`Rejection::Overflow`] has the kind of [`Overflow`]. To outer layers it is
//! [`Outcome::Rejected`], which no policy counts as a failure of the upstream, and which is not
//! retried.
//!
//! # Compared with Envoy
//!
//! | Istio, Envoy | there | here |
//! |---|---|---|
//! | `http2MaxRequests`, `max_requests` | requests in flight, HTTP/1 included; above it, overflow at once | [`ConcurrencyLimitPolicy::new`]; above it, overflow, unless requests may be pending |
//! | `http1MaxPendingRequests`, `max_pending_requests` | requests that wait for a connection | [`with_max_pending`](ConcurrencyLimitPolicy::with_max_pending): requests that wait for a permit; connections belong to the client |
//! | a maximum wait | none but the request's timeout | [`with_max_wait`](ConcurrencyLimitPolicy::with_max_wait) |
//! | 0 or unset (Istio) | no limit | no limit in flight; no queue |
//! | precision | concurrent workers may exceed limits slightly | exact |
//! | scope | a cluster in one proxy | a layer and its clones |
//!
//! # Many threads
//!
//! An exact limit is one word that every request writes twice, so two threads at the limit alone
//! have only 1.2 to 1.4 times the throughput of one. This is negligible for a service that takes
//! microseconds. Where it matters, [`with_shards`](ConcurrencyLimitLayer::with_shards) gives each
//! thread a part of the limit.
//!
//! [`Deadline::current`]: crate::Deadline::current
//! [`Outcome::Rejected`]: crate::Outcome::Rejected
//! [`Rejection::Overflow`]: crate::Rejection::Overflow

mod layer;
mod machine;
mod permits;
mod policy;
mod service;
mod shards;
mod wait;

pub use crate::foundation::outcome::Overflow;
pub use layer::{ConcurrencyLimitGate, ConcurrencyLimitLayer};
pub use policy::ConcurrencyLimitPolicy;
pub use service::{ConcurrencyLimit, ConcurrencyLimitFuture, ConcurrencyLimitTicket};
pub use wait::Wait;
