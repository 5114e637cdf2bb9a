use crate::mesh::stack::OutboundLayers;
use crate::policies::circuit_breaker::CircuitBreakerLayer;
use crate::policies::concurrency_limit::ConcurrencyLimitLayer;
use crate::policies::rate_limit::RateLimitLayer;
use crate::policies::retry::RetryLayer;
use crate::policies::telemetry::{TraceAttemptLayer, TraceClientLayer};
use crate::policies::timeout::TimeoutLayer;

impl OutboundLayers {
    /// Returns layers for one host, with the same policies, observer and name, and states of their own.
    pub(in crate::mesh) fn fresh(&self, host: &str) -> Self {
        let emitter = self.emitter.of_host(host);
        let report = || emitter.clone();
        let limit = self.concurrency_limit.policy();
        let breaker = self.circuit_breaker.policy();
        Self {
            trace: TraceClientLayer::without_injection(self.trace.policy(), report()),
            rate_limit: RateLimitLayer::with_emitter(self.rate_limit.policy(), report()),
            timeout: TimeoutLayer::with_emitter(self.timeout.policy(), report()),
            retry: RetryLayer::with_emitter(self.retry.policy(), report()),
            trace_attempt: TraceAttemptLayer::with_emitter(self.trace_attempt.policy(), report()),
            attempt_limit: RateLimitLayer::with_emitter(self.attempt_limit.policy(), report()),
            concurrency_limit: ConcurrencyLimitLayer::with_emitter(limit, report()),
            circuit_breaker: CircuitBreakerLayer::with_emitter(breaker, report()),
            emitter,
        }
    }

    /// Replaces the policies by those of `other`; the states stay.
    pub(in crate::mesh) fn adopt(&self, other: &Self) {
        self.trace.reconfigure(other.trace.policy());
        self.rate_limit.reconfigure(other.rate_limit.policy());
        self.timeout.reconfigure(other.timeout.policy());
        self.retry.reconfigure(other.retry.policy());
        self.trace_attempt.reconfigure(other.trace_attempt.policy());
        self.attempt_limit.reconfigure(other.attempt_limit.policy());
        let limit = other.concurrency_limit.policy();
        self.concurrency_limit.reconfigure(limit);
        self.circuit_breaker
            .reconfigure(other.circuit_breaker.policy());
    }
}
