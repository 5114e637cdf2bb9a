use crate::policies::circuit_breaker::CircuitBreakerPolicy;
use crate::policies::concurrency_limit::ConcurrencyLimitPolicy;
use crate::policies::retry::RetryPolicy;
use crate::policies::timeout::TimeoutPolicy;

/// One layer of a stack, to be looked at by [`lint`](super::lint).
///
/// Layers that go with every other one, like a rate limit, have no part here: leave them out.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub enum LayerConfig<'a> {
    /// A circuit breaker.
    CircuitBreaker(&'a CircuitBreakerPolicy),
    /// A concurrency limit.
    ConcurrencyLimit(&'a ConcurrencyLimitPolicy),
    /// A retry.
    Retry(&'a RetryPolicy),
    /// The answers are streams that may last, like `text/event-stream`. It stands for the service inside.
    Streams,
    /// A timeout.
    Timeout(&'a TimeoutPolicy),
}
