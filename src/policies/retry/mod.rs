//! Try failed requests again: safely, seldom enough, and only while somebody waits.
//!
//! Most failures that a caller sees are over a moment later: a connection refused while a pod
//! restarts, a stream that an overloaded server refused. This layer tries such a request again. By default
//! it does what Istio does (2 retries, on failures to connect, refused streams, and gRPC's
//! `UNAVAILABLE` and `CANCELLED`), but it sends nothing twice that might do something twice, and it does
//! not make an outage worse.
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
//! Which failures, how often, how long a try may take, and how long to wait:
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
//! layer.reconfigure(RetryPolicy::off());
//! # Ok::<_, meshless::retry::UnknownCondition>(())
//! ```
//!
//! # Which requests are sent twice
//!
//! A request is only repeated if one of these holds:
//!
//! - its method is idempotent by RFC 9110 (GET, HEAD, OPTIONS, TRACE, PUT, DELETE);
//! - it carries `Idempotency-Key` (or `X-Idempotency-Key`, as in Go), which tells the server;
//! - it provably was not looked at: no connection, a connection that was gone before the request was
//!   written, `REFUSED_STREAM`, or a `GOAWAY` that leaves it out ([`Failure::never_processed`]);
//! - it is a gRPC call whose status came in the response's head ("trailers only") and is named by the policy:
//!   the server ended the call before any message, so that for gRPC it is not committed. The
//!   default names `UNAVAILABLE` and `CANCELLED`. A reset of a gRPC call, or a status in its
//!   trailers after messages, is final;
//! - the policy says that it does not matter ([`RetryPolicy::with_non_idempotent`]).
//!
//! A refusal by one of this crate's own policies is never tried again: what is refused here is refused
//! a moment later. A 503 that comes over the network is a 503 like any, as for Envoy.
//!
//! # When
//!
//! The wait is the [`Backoff`]'s, or what the server asks for in `Retry-After`, in
//! `grpc-retry-pushback-ms`, or in headers named in the policy, up to a cap. No wait begins that ends
//! after the current [`Deadline`]: the caller gets the failure at once, while it is still of use.
//! Every try says which one it is (`x-envoy-attempt-count`) and how long it has
//! (`x-envoy-expected-rq-timeout-ms`, `grpc-timeout`), if that is known.
//!
//! # How many
//!
//! At most [`RetryPolicy::with_attempts`] for one request, and no more than the [`RetryBudget`] for all
//! requests together. The response of the last try is the answer.
//!
//! # Bodies
//!
//! A request body is kept as it streams, up to 64 KiB, and replayed from there ([`ReplayBody`]); one that
//! comes in a single frame, and so was in memory before, up to 1 MiB. A longer one goes through and is not
//! repeated once more than that was read. Nothing is copied of a request
//! that cannot be repeated. A response that is thrown away is read first, for 64 KiB or 50
//! milliseconds, so that its connection can be used again.
//!
//! Only heads decide: a gRPC response whose status comes in its trailers, and a body that breaks off,
//! are the caller's. A request for which the server sent a 1xx is not known here, and retried like any.
//!
//! # Where to put it
//!
//! Outside the breaker and the limits of a destination, so that they count every try, and inside
//! the total timeout, so that it covers all tries and waits.
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

pub use budget::RetryBudget;
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

pub use crate::foundation::time::{Backoff, Jitter};
