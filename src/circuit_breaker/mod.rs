//! Stops sending to an upstream that keeps failing.

mod circuit;
mod counts;
mod failure_on;
mod half_open;
mod health;
mod layer;
mod machine;
mod policy;
mod probes;
mod run;
mod shared;
mod state;
mod ticket;
mod word;

pub use counts::Counts;
pub use failure_on::{FailureOn, Verdict};
pub use layer::CircuitBreakerLayer;
pub use policy::{CircuitBreakerPolicy, Window};
pub use probes::Probes;
pub use run::{Run, RunError};
pub use state::CircuitState;
pub use ticket::Ticket;

use std::time::{Duration, Instant};

use crate::base::gate::{Gated, GatedFuture};

/// Answers 503 while the upstream keeps failing.
///
/// See the [module docs](self) for an example.
pub type CircuitBreaker<S> = Gated<S, CircuitBreakerLayer>;

/// Response future of [`CircuitBreaker`].
pub type CircuitBreakerFuture<F> = GatedFuture<F, Ticket>;

/// A time that no process lives to see, in place of one that the clock cannot hold.
fn far_from(now: Instant) -> Instant {
    now + Duration::from_secs(100 * 365 * 24 * 3_600)
}
