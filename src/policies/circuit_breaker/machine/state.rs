use std::time::Duration;

use crate::foundation::outcome::OpenReason;
use crate::foundation::sync::Percent;

/// State of a circuit breaker.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CircuitState {
    /// Every request is admitted.
    Closed,
    /// Every request is admitted, whatever the results, until
    /// [`reset`](crate::policies::circuit_breaker::CircuitBreakerLayer::reset).
    ForcedClosed,
    /// Every request is rejected, until
    /// [`reset`](crate::policies::circuit_breaker::CircuitBreakerLayer::reset).
    ForcedOpen,
    /// Single probes are admitted, to test the upstream.
    HalfOpen,
    /// Every request is rejected.
    Open {
        /// Time until the first probe.
        remaining: Duration,
        /// The reason for opening.
        reason: OpenReason,
    },
    /// A rising share of the requests is admitted.
    Recovering {
        /// Share of requests admitted now.
        share: Percent,
    },
}

impl CircuitState {
    /// Returns the state as a label, such as `half_open`: stable, for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::ForcedClosed => "forced_closed",
            Self::ForcedOpen => "forced_open",
            Self::HalfOpen => "half_open",
            Self::Open { .. } => "open",
            Self::Recovering { .. } => "recovering",
        }
    }
}
