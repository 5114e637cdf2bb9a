//! Limits the rate of requests; rejections carry the time until a retry makes sense.
//!
//! # Example
//!
//! An LLM that receives at most 20 requests in any minute. Further requests get 429 with
//! `Retry-After`, and do not reach it:
//!
//! ```
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Empty;
//! use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Infallible> {
//! # async fn llm(_: Request<()>) -> Result<Response<Empty<Bytes>>, Infallible> { Ok(Response::default()) }
//! let mut service = ServiceBuilder::new()
//!     .layer(RateLimitLayer::new(RateLimitPolicy::per_minute(20)))
//!     .service_fn(llm);
//!
//! for _ in 0..20 {
//!     let response = service.ready().await?.call(Request::new(())).await?;
//!     assert_eq!(response.status(), StatusCode::OK);
//! }
//! let response = service.ready().await?.call(Request::new(())).await?;
//! assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
//! assert_eq!(response.headers()["retry-after"], "60");
//! # Ok(())
//! # }
//! ```
//!
//! A route with 10 requests a minute for each client address, behind a trusted proxy. Up to 100
//! requests are queued instead of rejected, none for longer than 2 seconds:
//!
//! ```
//! use std::time::Duration;
//!
//! use meshless::rate_limit::{ClientAddress, Key, RateLimitLayer, RateLimitPolicy};
//!
//! let address = ClientAddress::peer().trusting(["10.0.0.0/8".parse().unwrap()]);
//! let policy = RateLimitPolicy::per_minute(10)
//!     .with_key(Key::client_address(address))
//!     .with_max_queue(100)
//!     .with_max_wait(Duration::from_secs(2));
//! let layer = RateLimitLayer::new(policy);
//! # let _ = layer;
//! ```
//!
//! Any other asynchronous call, such as one of an SDK that owns its client:
//!
//! ```
//! use meshless::rate_limit::{RateLimitPolicy, RateLimiter};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), meshless::Rejection> {
//! # async fn ask() -> u64 { 120 }
//! let tokens = RateLimiter::new(RateLimitPolicy::per_minute(10_000));
//!
//! let permit = tokens.admit_for("customer-7", 500)?; // the estimate
//! let used = ask().await;
//! permit.settle(used); // the actual cost: 380 are refunded
//! assert_eq!(tokens.status_for("customer-7").remaining, 9_880);
//! # Ok(())
//! # }
//! ```
//!
//! # Two kinds of limit
//!
//! [`at_most(n, period)`](RateLimitPolicy::at_most), with the short forms
//! [`per_second`](RateLimitPolicy::per_second) and [`per_minute`](RateLimitPolicy::per_minute),
//! holds in *any* period: it remembers the time of each request.
//! [`token_bucket`](RateLimitPolicy::token_bucket) is Envoy's: a bucket that is full at first and
//! refilled evenly. A bucket of 20 with 20 a minute admits 20 at once and one more every 3 seconds,
//! so up to 39 in the first minute. Use `at_most` for a bill or a provider's limit; use the bucket
//! where short bursts are welcome and the average matters.
//!
//! A limiter of the `governor` crate can decide instead (feature `governor`):
//!
//! ```
//! # #[cfg(feature = "governor")] {
//! use std::num::NonZeroU32;
//!
//! use governor::{Quota, RateLimiter};
//! use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy};
//!
//! let quota = Quota::per_second(NonZeroU32::new(50).unwrap());
//! let one = RateLimitLayer::new(RateLimitPolicy::governor(RateLimiter::direct(quota)));
//!
//! let keyed = RateLimiter::keyed(quota);
//! let policy = RateLimitPolicy::governor_keyed(keyed, |head| head.headers().get("x-api-key").cloned());
//! let each = RateLimitLayer::new(policy);
//! # let _ = (one, each);
//! # }
//! ```
//!
//! # Before or after a retry
//!
//! A limit outside a retry counts requests, whatever their outcome:
//!
//! ```
//! # use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy};
//! # use meshless::retry::{RetryLayer, RetryPolicy};
//! # use tower::ServiceBuilder;
//! # let (policy, transport) = (RateLimitPolicy::per_minute(20), ());
//! # let _ =
//! ServiceBuilder::new()
//!     .layer(RateLimitLayer::new(policy)) // 20 requests a minute, with up to 3 attempts each
//!     .layer(RetryLayer::new(RetryPolicy::new(2)))
//!     .service(transport)
//! # ;
//! ```
//!
//! A limit inside it counts attempts:
//!
//! ```
//! # use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy};
//! # use meshless::retry::{RetryLayer, RetryPolicy};
//! # use tower::ServiceBuilder;
//! # let (policy, transport) = (RateLimitPolicy::per_minute(20), ());
//! # let _ =
//! ServiceBuilder::new()
//!     .layer(RetryLayer::new(RetryPolicy::new(2)))
//!     .layer(RateLimitLayer::new(policy)) // 20 attempts a minute reach the transport
//!     .service(transport)
//! # ;
//! ```
//!
//! An LLM bill needs the second: every attempt that arrives is billed and counted by the provider's
//! own limit. An inbound limit needs the first.
//!
//! # Costs that are known late
//!
//! [`with_cost`](RateLimitPolicy::with_cost) charges by the request,
//! [`with_usage`](RateLimitPolicy::with_usage) corrects the charge by the response's head, and
//! [`with_charge`](RateLimitPolicy::with_charge) puts a [`Charge`] into the response's extensions
//! for the reader of the body. An excessive charge is refunded at once; a missing amount is charged
//! even beyond the limit, so that later requests wait for it.
//!
//! # Behaviour and its sources
//!
//! - The response is that of Envoy's local rate limit: 429, `local_rate_limited`, response flag
//!   `RL`; for gRPC callers 200 with `grpc-status` 14, or the status of
//!   [`with_grpc_status`](RateLimitPolicy::with_grpc_status). Unlike Envoy's it always has
//!   `Retry-After`, in whole seconds, rounded up and never 0, unless the request can never be
//!   admitted because it costs more than the whole limit.
//! - `RateLimit` and `RateLimit-Policy` follow draft-ietf-httpapi-ratelimit-headers;
//!   `x-ratelimit-reset` is 0 while a token is left, and else the time to the next one, as recorded
//!   on Envoy 1.40.
//! - A queued request has a reservation, first come, first served. One that cannot be admitted
//!   within [`with_max_wait`](RateLimitPolicy::with_max_wait) or the caller's
//!   [`Deadline`](crate::Deadline) is rejected at once. A request cancelled in the queue returns
//!   its reservation, and later ones move up.
//! - Replacing the policy keeps what was used: after 5 of 10, 15 of 20 are left.
//! - The token bucket is the Generic Cell Rate Algorithm over one word, as in the `governor` crate,
//!   which is its oracle in the tests and decides about as fast (see `benches/rate_limit.rs`). The
//!   state machine is this crate's own because the same word also takes reservations, refunds, late
//!   charges and migrations to another quota, at costs of any size, and because the number of keys
//!   is bounded.
//! - An exact limit is one word, or one lock, that every request writes: two threads at the limit
//!   alone have less than twice the throughput of one. This is negligible for a service that takes
//!   microseconds. Where it matters, [`with_shards`](RateLimitLayer::with_shards) gives each thread
//!   a part of the limit.
//! - The limit is local to this process. Where several replicas share a limit, give each [its
//!   share](RateLimitPolicy::with_share).

mod added_header;
mod charge;
#[cfg(feature = "governor")]
mod governed;
mod headers;
mod key;
mod layer;
mod limiter;
pub(crate) mod machine;
mod policy;
mod queue;
mod quota;
mod service;
mod shared;
pub(crate) mod state;
mod stats;
pub mod upstream_limits;

#[cfg(feature = "istio")]
pub(crate) use added_header::{AddedHeader, AppendAction};
pub use charge::{Charge, RateLimitPermit};
#[cfg(feature = "governor")]
pub use governed::{GovernorState, TokioClock};
pub use headers::RateLimitHeaders;
pub use key::{Key, KeyFunction};
pub use layer::RateLimitLayer;
pub use limiter::RateLimiter;
pub use policy::RateLimitPolicy;
pub use queue::wait::RateLimitWait;
pub use quota::Status;
pub use service::{RateLimit, RateLimitFuture, RateLimitGate, RateLimitTicket};
pub use stats::RateLimitStats;

pub use crate::foundation::http::PeerAddress;
pub use crate::foundation::http::UnixPeer;
pub use crate::foundation::http::{ClientAddress, ForwardedHeader};
pub use crate::foundation::outcome::RateLimited;
