//! Limits the number of concurrent requests to what the upstream can do, which it learns from latencies.
//!
//! # Example
//!
//! ```
//! use meshless::adaptive_concurrency::{AdaptiveConcurrencyLayer, AdaptiveConcurrencyPolicy};
//! use tower::ServiceBuilder;
//!
//! # let upstream = tower::service_fn(|_: http::Request<()>| async {
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Empty::<bytes::Bytes>::new()))
//! # });
//! let policy = AdaptiveConcurrencyPolicy::default()
//!     .with_max_limit(500)
//!     .with_excluded(|head| head.uri().path().starts_with("/events"));
//! let limit = AdaptiveConcurrencyLayer::new(policy);
//! let service = ServiceBuilder::new().layer(limit.clone()).service(upstream);
//! // `limit 20` before the first window, later such as `limit 37: p50 12ms against 9ms`.
//! assert_eq!(limit.state().to_string(), "limit 20");
//! # let _ = service;
//! ```
//!
//! Below a retry it sees every attempt, and above one the requests. It guards any other work, too: see
//! [`AdaptiveConcurrencyLayer::admit`].
//!
//! # Samples
//!
//! A sample is the time from the admission to the head of the response. A response below 500 or gRPC's `OK` is one; a
//! timeout is one, since the work took at least that long, and an overload. 429, 503, `RESOURCE_EXHAUSTED` and
//! `UNAVAILABLE` are overloads without a latency, which AIMD and Vegas count. Other failures, local rejections and
//! requests that their caller cancels are no samples. [Excluded](AdaptiveConcurrencyPolicy::with_excluded) requests are
//! neither limited nor samples: streams and long polls belong there.
//!
//! # The minimum latency
//!
//! [`Algorithm::Gradient`] compares with the lowest latency of an upstream without a queue. Envoy measures it by lowering
//! the limit to 3 every 30 s, also at low load, where it rejects requests for that. Here it is learned from every window,
//! and measured only while requests are rejected anyway: the limit is lowered to 90 % of the requests that the upstream
//! works on by Little's law (rate times minimum), for a window or two, so that the queue drains at the cost of a tenth of
//! the throughput. Where the latency falls with the limit, the next probe is lower. So a start under overload, when the
//! first latency is that of a queue, and an upstream that has become slower are both found.
//!
//! # Rejections
//!
//! 503 with Envoy's text, `reached concurrency limit`; for a gRPC request 200 with `grpc-status: 14`. To outer layers it
//! is [`Outcome::Rejected`](crate::Outcome::Rejected), which no policy counts as a failure of the upstream.
//!
//! # Compared with Envoy's adaptive concurrency
//!
//! | | there | here |
//! |---|---|---|
//! | minimum latency | limit 3 for 50 samples every 30 s | a limit 10 % below the load, under overload only |
//! | limit at low load | grows to its maximum of 1000 | no growth while less than half is in use |
//! | sample | to the end of the response | to its head: a caller that reads slowly is no overload |
//! | first limit | 3 | 20 |
//! | precision | concurrent workers may exceed it | exact |
//!
//! `docs/overload.md` compares the algorithms by a simulation.

mod exclusion;
mod layer;
mod machine;
mod policy;
mod shared;
mod state;
mod ticket;

use self::exclusion::Exclusion;
pub use layer::{
    AdaptiveConcurrency, AdaptiveConcurrencyFuture, AdaptiveConcurrencyGate,
    AdaptiveConcurrencyLayer,
};
pub use policy::{AdaptiveConcurrencyPolicy, Algorithm};
pub use state::LimitState;
pub use ticket::AdaptiveConcurrencyTicket;
