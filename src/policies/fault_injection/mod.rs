//! Fault injection: delays or aborts for a share of the requests, to test resilience.
//!
//! An aborted request is answered without the upstream, with Envoy's status and text
//! (`fault filter abort`); a delayed one waits before it is forwarded. Both are drawn
//! independently, the delay comes first, and the default share of each is 0.
//!
//! # Example
//!
//! Abort every fifth request:
//!
//! ```
//! use http::StatusCode;
//! use meshless::Percent;
//! use meshless::fault_injection::{Abort, FaultInjectionLayer, FaultInjectionPolicy};
//! use tower::ServiceBuilder;
//!
//! # async fn upstream(_: http::Request<String>) -> Result<http::Response<String>, std::convert::Infallible> {
//! #     Ok(http::Response::default())
//! # }
//! let policy = FaultInjectionPolicy::off()
//!     .with_abort(Percent::new(20), Abort::Http(StatusCode::SERVICE_UNAVAILABLE));
//! let service = ServiceBuilder::new()
//!     .layer(FaultInjectionLayer::new(policy))
//!     .service_fn(upstream);
//! # let _ = service;
//! ```
//!
//! # Placement
//!
//! Outside the retry and the circuit breaker, as in Envoy: neither sees the fault, and it is not
//! retried. To test your own retries, place the layer inside them and set
//! [`with_abort_as_upstream`](FaultInjectionPolicy::with_abort_as_upstream):
//!
//! ```
//! # use std::time::Duration;
//! # use http::StatusCode;
//! # use meshless::Percent;
//! # use meshless::fault_injection::{Abort, FaultInjectionLayer, FaultInjectionPolicy};
//! let layer = FaultInjectionLayer::new(
//!     FaultInjectionPolicy::off()
//!         .with_delay(Percent::new(10), Duration::from_millis(300))
//!         .with_abort(Percent::new(20), Abort::Http(StatusCode::BAD_GATEWAY))
//!         .with_abort_as_upstream(true),
//! );
//! # let _ = layer;
//! ```

mod gate;
mod layer;
mod machine;
mod policy;

pub use gate::{FaultDelay, FaultGate, FaultTicket};
pub use layer::FaultInjectionLayer;
pub use policy::{Abort, FaultInjectionPolicy};

use crate::foundation::admission::{Queued, QueuedFuture};

/// Injects faults before the service that it wraps.
///
/// See the [module docs](self) for an example.
pub type FaultInjection<S> = Queued<S, FaultGate>;

/// Response future of [`FaultInjection`].
pub type FaultInjectionFuture<S, B> = QueuedFuture<S, FaultGate, B>;

/// Statistics of a layer.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FaultInjectionStats {
    /// Number of requests that were aborted.
    pub aborts: u64,
    /// Number of requests with a fault at this moment.
    pub active: u64,
    /// Number of requests that were delayed.
    pub delays: u64,
    /// Number of requests without their fault, because the limit of active faults was reached.
    pub overflows: u64,
}
