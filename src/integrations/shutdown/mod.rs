//! End of a service in one order: readiness off, drain, flush, tasks.
//!
//! ```
//! use std::time::Duration;
//!
//! use meshless::shutdown::Shutdown;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut shutdown = Shutdown::default()
//!     .with_notice(Duration::ZERO) // for this test; 5 s by default
//!     .with_drain(Duration::from_secs(25));
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let readiness = shutdown.readiness();
//! let app = axum::Router::new().route(
//!     "/ready",
//!     axum::routing::get(async move || {
//!         if readiness.is_ready() { http::StatusCode::OK } else { http::StatusCode::SERVICE_UNAVAILABLE }
//!     }),
//! );
//! let server = axum::serve(listener, app).with_graceful_shutdown(shutdown.draining());
//! shutdown.server("http", async move { server.await });
//! shutdown.flush("traces", async || { /* provider.shutdown() */ });
//! # let watch = ();
//! shutdown.owner("policies", watch);
//!
//! // In a service: `tokio::signal::ctrl_c()`, and SIGTERM.
//! let report = shutdown.run(async {}).await;
//! assert!(report.is_complete());
//! println!("{report}");
//! # Ok(())
//! # }
//! ```
//!
//! # The order, and why
//!
//! 1. **Readiness off.** [`Readiness::is_ready`] is false from the signal on. The service still takes requests, for the
//!    [notice](Shutdown::with_notice): load balancers and sidecars go on sending until their next probe.
//! 2. **Drain.** [`Shutdown::draining`] completes: servers take no new connections, and end when the last response is
//!    sent. What is not over within the [time](Shutdown::with_drain) is cut off, as a stream without an end.
//! 3. **Flush.** One after another, in the order in which they were given: traces, metrics and logs of the last requests.
//!    Each has a [time](Shutdown::with_flush).
//! 4. **Tasks.** The owners are dropped, the last one first: what follows files and names, and what exports. Drop clients,
//!    pools and the mesh with them: their tasks end with their last clone.
//!
//! In Kubernetes, `terminationGracePeriodSeconds` (30 by default) must be longer than notice, drain and flush together.

mod readiness;
mod report;
mod steps;

pub use readiness::Readiness;
pub use report::{CutOff, Report};
pub use steps::Shutdown;
