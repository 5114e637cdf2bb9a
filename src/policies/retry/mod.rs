//! Retries of failed requests: safe, bounded by a budget, and only within the caller's deadline.
//!
//! Most failures that a caller sees are transient: a connection refused while a pod restarts, a
//! stream that an overloaded server refused. This layer sends such a request again. By default it
//! follows Istio (2 retries, on failures to connect, refused streams, and gRPC's `UNAVAILABLE` and
//! `CANCELLED`), but it never repeats a request that might then take effect twice, and its budget
//! keeps an outage from getting worse.
//!
//! # Example
//!
//! ```
//! use meshless::retry::{RetryLayer, RetryPolicy};
//! use tower::ServiceBuilder;
//!
//! # let transport = tower::service_fn(|_: http::Request<_>| async {
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Empty::<bytes::Bytes>::new()))
//! # });
//! let client = ServiceBuilder::new()
//!     .layer(RetryLayer::new(RetryPolicy::default()))
//!     .service(transport);
//! # fn is_service<S: tower::Service<http::Request<http_body_util::Empty<bytes::Bytes>>>>(_: S) {}
//! # is_service(client);
//! ```
//!
//! Conditions, number of retries, timeout of an attempt, and backoff are set in the policy:
//!
//! ```
//! use std::time::Duration;
//!
//! use meshless::Percent;
//! use meshless::retry::{Backoff, RetryBudget, RetryLayer, RetryOn, RetryPolicy};
//!
//! let layer = RetryLayer::new(
//!     RetryPolicy::new(3)
//!         .with_retry_on(RetryOn::parse("5xx,reset,429")?)
//!         .with_per_try_timeout(Duration::from_millis(250))
//!         .with_backoff(Backoff::exponential(Duration::from_millis(50)))
//!         .with_budget(RetryBudget::share(Percent::new(10))),
//! );
//! // Later, while requests run; what the budget has saved stays:
//! // Later, while requests run; the balance of the budget stays:
//! # Ok::<_, meshless::retry::UnknownCondition>(())
//! ```
//!
//! # Requests that are sent twice
//!
//! A request is only repeated if one of these holds:
//!
//! - its method is idempotent by RFC 9110 (GET, HEAD, OPTIONS, TRACE, PUT, DELETE);
//! - it carries `Idempotency-Key` (or `X-Idempotency-Key`, as in Go), by which the server
//!   recognises it;
//! - the server provably did not process it: no connection, a connection closed before the request
//!   was written, `REFUSED_STREAM`, or a `GOAWAY` that excludes it ([`Failure::never_processed`]);
//! - it is a gRPC call whose status came in the response head ("trailers only") and is in the
//!   policy: the server ended the call before any message, so gRPC does not count it as committed.
//!   The default contains `UNAVAILABLE` and `CANCELLED`. A reset of a gRPC call, or a status in its
//!   trailers after messages, is final;
//! - the policy allows it in general ([`RetryPolicy::with_non_idempotent`]).
//!
//! A rejection by one of this crate's own policies is never retried: it would be rejected again a
//! moment later. A 503 that comes over the network is an ordinary 503, as for Envoy.
//!
//! # Backoff
//!
//! The wait is the [`Backoff`], or the one that the server requests in `Retry-After`, in
//! `grpc-retry-pushback-ms`, or in headers set in the policy, up to a cap. If the wait would end
//! after the current [`Deadline`], there is no retry: the caller gets the failure at once, while it
//! is still of use. An attempt of a gRPC request carries its time left (`grpc-timeout`), if that is known. To a service
//! of one's own each attempt can tell its number (`x-envoy-attempt-count`) and its time left
//! (`x-envoy-expected-rq-timeout-ms`) too: [`RetryPolicy::with_envoy_headers`].
//!
//! # Limits
//!
//! At most [`RetryPolicy::with_attempts`] retries for one request, and no more than the
//! [`RetryBudget`] for all requests together. The caller receives the response of the last attempt.
//!
//! # Bodies
//!
//! A request body is kept as it streams, up to 64 KiB, and replayed from there ([`ReplayBody`]); one that
//! comes in a single frame, and so was in memory before, up to 1 MiB. A longer one goes through and is not
//! repeated once more than that was read. Nothing is copied of a request
//! that cannot be repeated. A response that is thrown away is read first, for 64 KiB or 50
//! milliseconds, so that its connection can be used again.
//!
//! Only response heads decide: a gRPC response with its status in the trailers, and a response body
//! that breaks off, go to the caller. The layer does not see 1xx responses, and retries such a
//! request like any.
//!
//! # Placement
//!
//! Outside the circuit breaker and the limits of a destination, so that they count every attempt,
//! and inside the total timeout, so that it covers all attempts and waits.
//!
//! # Where it differs from Envoy
//!
//! In what is sent twice, how often, and when: see the [table of
//! differences](crate::mesh#differences-from-envoy), and there how to get Envoy's.
//!
//! [`Deadline`]: crate::Deadline
//! [`Failure::never_processed`]: crate::Failure::never_processed

mod budget;
mod condition;
mod future;
mod layer;
mod machine;
mod matching;
mod policy;
mod replay;
mod retry_after;
mod retry_on;
mod retry_state;
mod service;
mod state;

pub use budget::{RetryBudget, RetryStats};
pub use condition::{Condition, UnknownCondition};
pub use future::RetryFuture;
pub use layer::RetryLayer;
pub use policy::RetryPolicy;
pub use replay::ReplayBody;
pub use replay::body::RetryBody;
pub use retry_after::ResetFormat;
pub use retry_on::RetryOn;
pub use service::Retry;
pub(crate) use service::RetryHints;

pub use crate::foundation::outcome::RetryStopReason;
pub use crate::foundation::time::{Backoff, Jitter};
