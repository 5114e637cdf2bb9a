use crate::policies::circuit_breaker::CircuitBreakerPolicy;
use crate::policies::concurrency_limit::ConcurrencyLimitPolicy;
use crate::policies::retry::RetryPolicy;
use crate::policies::timeout::TimeoutPolicy;

/// Configuration of one layer of a stack, as input of [`lint`](super::lint).
///
/// Layers that fit every other one, such as rate limits, have no variant: leave them out.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub enum LayerConfig<'a> {
    /// A circuit breaker.
    CircuitBreaker(&'a CircuitBreakerPolicy),
    /// A concurrency limit.
    ConcurrencyLimit(&'a ConcurrencyLimitPolicy),
    /// A retry.
    Retry(&'a RetryPolicy),
    /// A service with long-lived streaming responses, such as `text/event-stream`.
    Streams,
    /// A timeout.
    Timeout(&'a TimeoutPolicy),
}
