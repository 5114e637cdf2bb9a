#[cfg(feature = "serde")]
mod config;

use super::{Outbound, StackWarning, outbound};
use crate::policies::circuit_breaker::CircuitBreakerPolicy;
use crate::policies::concurrency_limit::ConcurrencyLimitPolicy;
use crate::policies::rate_limit::RateLimitPolicy;
use crate::policies::retry::RetryPolicy;
use crate::policies::telemetry::TracePolicy;
use crate::policies::timeout::TimeoutPolicy;

/// Policies of an [`Outbound`] stack, as one value that a configuration can hold.
///
/// With the feature `serde` it is read and written; a policy that is absent, and a setting of it, keeps
/// the default of [`outbound`](super::outbound()).
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct OutboundPolicy {
    /// Rate limit of attempts, retries included. The default is none.
    pub attempt_limit: RateLimitPolicy,
    /// Circuit breaker. The default is [`CircuitBreakerPolicy::default`].
    pub circuit_breaker: CircuitBreakerPolicy,
    /// Concurrency limit. The default is 1024 requests in flight, and as many pending.
    pub concurrency_limit: ConcurrencyLimitPolicy,
    /// Rate limit of requests. The default is none.
    pub rate_limit: RateLimitPolicy,
    /// Retry. The default is [`RetryPolicy::default`].
    pub retry: RetryPolicy,
    /// True if the responses may be long-lived streams; only [`lint`](Self::lint) depends on it.
    pub streams: bool,
    /// Timeout. The default is 15 s in all.
    pub timeout: TimeoutPolicy,
    /// Policy of traces. The default is [`TracePolicy::default`].
    pub trace: TracePolicy,
}

impl OutboundPolicy {
    /// Returns the contradictions between the policies.
    #[must_use]
    pub fn lint(&self) -> Vec<StackWarning> {
        Outbound::from(self.clone()).lint()
    }
}

/// The policies of [`outbound`](super::outbound()).
impl Default for OutboundPolicy {
    fn default() -> Self {
        outbound().policy()
    }
}

impl From<OutboundPolicy> for Outbound {
    fn from(policy: OutboundPolicy) -> Self {
        let OutboundPolicy {
            attempt_limit,
            circuit_breaker,
            concurrency_limit,
            rate_limit,
            retry,
            streams,
            timeout,
            trace,
        } = policy;
        outbound()
            .with_attempt_limit(attempt_limit)
            .with_circuit_breaker(circuit_breaker)
            .with_concurrency_limit(concurrency_limit)
            .with_rate_limit(rate_limit)
            .with_retry(retry)
            .with_streams(streams)
            .with_timeout(timeout)
            .with_trace(trace)
    }
}
