//! Delays or aborts a share of the requests, to see what the system makes of it.
//!
//! An aborted request is answered without the upstream, with the status and the text that Envoy
//! gives (`fault filter abort`); a delayed one waits before it goes on. The two roll apart, the delay
//! comes first, and a share that is not set is none.
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
//! # Where to put it
//!
//! Outside the retry and the circuit breaker, as Envoy has it: neither sees the fault, and nobody
//! retries it. To try one's own retries, put it inside them and say
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

/// Injects faults before the service it wraps.
///
/// See the [module docs](self) for an example.
pub type FaultInjection<S> = Queued<S, FaultGate>;

/// Response future of [`FaultInjection`].
pub type FaultInjectionFuture<S, B> = QueuedFuture<S, FaultGate, B>;

/// What a layer injected so far.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FaultInjectionStats {
    /// Requests that were answered with an abort.
    pub aborts: u64,
    /// Requests that are under a fault right now.
    pub active: u64,
    /// Requests that were made to wait.
    pub delays: u64,
    /// Requests that were spared because too many were under a fault.
    pub overflows: u64,
}
