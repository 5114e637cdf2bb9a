use std::time::Duration;

use crate::foundation::outcome::OpenReason;
use crate::foundation::sync::Percent;

/// Where a circuit breaker is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CircuitState {
    /// Every request goes through.
    Closed,
    /// Every request goes through, whatever happens, until
    /// [`reset`](crate::policies::circuit_breaker::CircuitBreakerLayer::reset).
    ForcedClosed,
    /// No request goes through, until [`reset`](crate::policies::circuit_breaker::CircuitBreakerLayer::reset).
    ForcedOpen,
    /// Single requests go through, to see how the upstream is.
    HalfOpen,
    /// No request goes through.
    Open {
        /// How much longer.
        remaining: Duration,
        /// What opened it.
        reason: OpenReason,
    },
    /// A rising share of the requests goes through.
    Recovering {
        /// How large it is now.
        share: Percent,
    },
}
