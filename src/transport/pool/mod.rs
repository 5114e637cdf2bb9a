//! HTTP connection pool with limits on connections, waiting requests and requests per connection.
//!
//! # Example
//!
//! At most 100 connections, each closed after 1,000 requests, and at most 50 waiting requests:
//!
//! ```
//! use std::time::Duration;
//!
//! use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
//! use meshless::pool::{Pool, PoolPolicy};
//! use tower::ServiceBuilder;
//!
//! let policy = PoolPolicy::default()
//!     .with_max_connections(100)
//!     .with_max_pending(50)
//!     .with_max_requests_per_connection(1_000)
//!     .with_connect_timeout(Duration::from_secs(1));
//! let users = ServiceBuilder::new()
//!     .layer(CircuitBreakerLayer::new(CircuitBreakerPolicy::default()))
//!     .service(Pool::http(policy));
//! # let _ = users;
//! ```
//!
//! Over connections with TLS, made by a connector such as hyper-rustls':
//!
//! ```
//! # use meshless::pool::{Pool, PoolPolicy};
//! # let https = hyper_util::client::legacy::connect::HttpConnector::new();
//! let pool = Pool::new(PoolPolicy::default().with_max_connections(100), https);
//! let stats = pool.stats();
//! assert_eq!((stats.open, stats.pending), (0, 0));
//! ```
//!
//! # Assignment of connections
//!
//! 1. A request takes an idle connection to its authority if there is one: the most recently used,
//!    so that surplus connections reach their idle timeout.
//! 2. Otherwise it waits, first come, first served. If [the maximum](PoolPolicy::with_max_pending)
//!    number of requests is waiting, it is rejected with 503, `x-envoy-overloaded: true`, Envoy's
//!    text and [`Rejection::Overflow`]; nothing was sent.
//! 3. For a waiting request a connection is opened, unless the
//!    [maximum](PoolPolicy::with_max_connections) is reached. Then an idle connection to another
//!    authority is closed in its favour; and an authority without any connection gets the next one
//!    that is free, so that a busy authority does not keep all of them.
//!
//! A waiting request gets the first free connection, whether it was opened for it or not. Dropped
//! while it waits, it leaves the queue. The wait has no timeout of its own: it ends, with 503, at
//! [`Deadline::current`], which a [timeout layer] around the pool sets.
//!
//! If a connection attempt fails, one waiting request fails; or all of them if there is no other
//! connection, since each would otherwise fail only after a timeout of its own.
//!
//! # How connections end
//!
//! An HTTP/1 connection is free again when the response has been read to its end. A response
//! dropped before that closes its connection, as does a cancelled request. (The server may notice a
//! moment later, and count one connection more until then.) After its [last request], its [maximum
//! duration] or its [idle timeout], a connection is closed; it counts until the server has closed
//! its end too, for at most one second, so that the limit also holds by the server's count.
//!
//! A connection that its server closed while it was idle is not handed out. Before an HTTP/1 connection
//! carries another request after half a second or more, its runtime looks whether it still lives; and as
//! long as no connection to an authority has carried two requests, that look always takes place and takes
//! 3 ms, since a server that closes after each answer may do so a moment after it; or up to 100 ms, if it
//! is known for that. If it is closed just as a request is written to it, the request goes on
//! another one, but only if nothing of it was written; else it fails with [`Failure::Closed`], and a
//! [retry layer] decides by its method. An upgraded connection counts until its upgrade is dropped.
//!
//! HTTP/2 connections carry as many concurrent requests as their peer allows, and one until its
//! SETTINGS arrive; the limits hold for them in the same way. `Host` becomes `:authority`.
//!
//! When the last clone of a pool is dropped, idle connections are closed, and the others when their
//! requests have ended. Each connection is a task, which ends with it; the pool has no other tasks.
//!
//! # Compared with Envoy, hyper-util and reqwest
//!
//! | Istio's `connectionPool` | Envoy | here | hyper-util's client and reqwest |
//! |---|---|---|---|
//! | `maxConnections` | may be exceeded: by one for each host and thread | exact, for all authorities of a pool together; or [one for each authority at least](PoolPolicy::with_one_per_authority), as a mesh has it | **not enforced**: a new connection for each request that finds none idle. Nearest: [`ConcurrencyLimitPolicy::new`], since over HTTP/1 each request in flight has one connection; idle ones come on top, bounded by `pool_max_idle_per_host` |
//! | `http1MaxPendingRequests` | counted while a connection is made, too | the same | **not enforced**, requests never wait. Nearest: [`ConcurrencyLimitPolicy::with_max_pending`], for the place in that limit |
//! | `maxRequestsPerConnection` | `connection: close` with the last one | the same | **not enforced**. Nearest: `pool_max_idle_per_host(0)`, which is 1 |
//! | `connectTimeout` | 10 s by Istio's default | the same; TLS and handshake included | enforced: `connect_timeout`; none by default |
//! | `idleTimeout` | 1 h | the same | enforced: `pool_idle_timeout`; 90 s by default |
//! | `maxConnectionDuration` | drained | the same | **not enforced** |
//! | `http2MaxRequests`, `maxRetries` | | [concurrency limit], retry's budget | the same layers |
//!
//! 0 and unset are no limit, as in Istio. Envoy's own defaults (1,024) are not used.
//!
//! # What it costs
//!
//! `cargo bench --bench pool` compares the three over loopback. On a busy machine, where the same row
//! differed by a half from run to run, a request through a pool took no longer than through the others. It
//! allocates what hyper does, a box for the future, and one for a request body that is not empty.
//!
//! [`ConcurrencyLimitPolicy::new`]: crate::concurrency_limit::ConcurrencyLimitPolicy::new
//! [`ConcurrencyLimitPolicy::with_max_pending`]: crate::concurrency_limit::ConcurrencyLimitPolicy::with_max_pending
//! [`Deadline::current`]: crate::Deadline::current
//! [`Failure::Closed`]: crate::Failure::Closed
//! [`Rejection::Overflow`]: crate::Rejection::Overflow
//! [concurrency limit]: crate::concurrency_limit
//! [last request]: PoolPolicy::with_max_requests_per_connection
//! [retry layer]: crate::retry
//! [maximum duration]: PoolPolicy::with_max_connection_duration
//! [timeout layer]: crate::timeout
//! [idle timeout]: PoolPolicy::with_idle_timeout

pub(crate) mod connection;
mod connections;
mod key;
mod machine;
mod policy;
mod request_sender;
mod service;
mod shared;
mod tasks;
mod wait;

pub use crate::foundation::outcome::{Overflow, PoolError as Error};
pub use connection::body::PoolBody;
pub use machine::PoolStats;
pub use policy::PoolPolicy;
pub use service::{Pool, PoolFuture};

#[cfg(feature = "reqwest")]
pub(crate) use connection::wire::Wire;
#[cfg(feature = "reqwest")]
pub(crate) use key::{Dial, Dialling, Way};
