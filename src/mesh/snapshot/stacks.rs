//! State of the stacks by hand.

use super::policies::{
    CircuitBreakerSnapshot, ConcurrencyLimitSnapshot, RateLimitSnapshot, RetryBudgetSnapshot,
};
use super::record::snapshot;

snapshot! {
    /// State of an [`Outbound`](crate::mesh::Outbound) stack.
    OutboundSnapshot {
        /// Name of the stack, if it has one.
        name: Option<Box<str>>,
        /// Rate limit of requests.
        rate_limit: RateLimitSnapshot,
        /// Budget of the retries.
        retry_budget: RetryBudgetSnapshot,
        /// Rate limit of attempts.
        attempt_limit: RateLimitSnapshot,
        /// Concurrency limit of attempts.
        concurrency_limit: ConcurrencyLimitSnapshot,
        /// Circuit breaker of attempts.
        circuit_breaker: CircuitBreakerSnapshot,
    }
}

snapshot! {
    /// State of an [`Inbound`](crate::mesh::Inbound) stack.
    InboundSnapshot {
        /// Name of the stack, if it has one.
        name: Option<Box<str>>,
        /// Rate limit, by caller where the policy has such a key.
        rate_limit: RateLimitSnapshot,
        /// Concurrency limit.
        concurrency_limit: ConcurrencyLimitSnapshot,
    }
}
