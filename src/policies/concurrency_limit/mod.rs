//! Limits how many requests run at once, lets a few more wait, and turns the rest away.
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
//! The same limit guards any other work, such as calls of a database, and can be changed while it
//! runs:
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
//! # What counts as running
//!
//! A request runs until its response body ends or is dropped, or until whatever happens instead: an
//! error, a panic, a caller that goes away. One that switches to another protocol (status 101) holds its
//! permit for as long as the body of that response is kept, though there is nothing in it. `Mesh::gateway`
//! and `client::Response::upgrade` keep it until the connection ends, so that it counts, as in Envoy. A
//! server of hyper lets it go with the head: around a service that switches by itself, take a permit of its
//! own in the task that serves the connection, with [`acquire`](ConcurrencyLimitLayer::acquire).
//!
//! # Who waits
//!
//! Waiting is first come, first served: a permit that is given back goes to the one who waits
//! longest, and nobody who comes later overtakes. A wait ends without a permit after
//! [`max_wait`](ConcurrencyLimitPolicy::with_max_wait), or at [`Deadline::current`] if that comes
//! sooner; where that has passed there is no wait at all. A request is never queued in `poll_ready`, so
//! it keeps no other one from getting on.
//!
//! # What the others get
//!
//! 503 with `x-envoy-overloaded: true` and Envoy's text; for a gRPC request 200 with `grpc-status: 14`.
//! [`Rejection::Overflow`] says which [`Overflow`] it was. To layers around it is
//! [`Outcome::Rejected`], which no policy holds against the upstream, and which is not retried.
//!
//! # Compared with Envoy
//!
//! | Istio, Envoy | there | here |
//! |---|---|---|
//! | `http2MaxRequests`, `max_requests` | requests in flight, HTTP/1 included; over it, overflow at once | [`ConcurrencyLimitPolicy::new`]; over it, overflow, unless some may wait |
//! | `http1MaxPendingRequests`, `max_pending_requests` | requests that wait for a connection | [`with_max_pending`](ConcurrencyLimitPolicy::with_max_pending): requests that wait for one of the permits; connections are the client's affair |
//! | a maximum wait | none but the request's timeout | [`with_max_wait`](ConcurrencyLimitPolicy::with_max_wait) |
//! | 0 or unset (Istio) | no limit | no limit in flight; nobody waits |
//! | precision | counters may be exceeded a little by workers in parallel | exact |
//! | scope | a cluster in one proxy | a layer and its clones |
//!
//! # Many threads
//!
//! An exact limit is one word that every request writes twice, so that two threads do not get as much done
//! as they could: at the limit alone 1.2 to 1.4 times what one does. Behind a service that takes
//! microseconds this is not seen. Where it is,
//! [`with_shards`](ConcurrencyLimitLayer::with_shards) gives each thread a part of the limit.
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
