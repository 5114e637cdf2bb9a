use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tower_layer::Layer;

use super::outer_stack::WithRetryHints;
use super::{LayerConfig, OuterStack, StackWarning, lint};
use crate::foundation::admission::GateChain;
use crate::policies::circuit_breaker::{
    CircuitBreakerGate, CircuitBreakerLayer, CircuitBreakerPolicy,
};
use crate::policies::concurrency_limit::{
    ConcurrencyLimitGate, ConcurrencyLimitLayer, ConcurrencyLimitPolicy,
};
use crate::policies::rate_limit::{RateLimitGate, RateLimitLayer, RateLimitPolicy};
use crate::policies::retry::{Retry, RetryLayer, RetryPolicy};
use crate::policies::telemetry::{TraceAttemptLayer, TraceClientLayer, TracePolicy, TracedGate};
use crate::policies::timeout::{TimeoutLayer, TimeoutPolicy};

/// The recommended stack around a client's transport, in one layer.
///
/// Use one for the transport to each upstream: the circuit breaker, the limits and the retry budget
/// are shared by all services that it makes and by all its clones. See the
/// [module docs](super) for an example and for the order of its parts.
#[derive(Clone, Debug)]
pub struct Outbound {
    attempt_limit: RateLimitLayer,
    circuit_breaker: (CircuitBreakerPolicy, CircuitBreakerLayer),
    concurrency_limit: (ConcurrencyLimitPolicy, ConcurrencyLimitLayer),
    rate_limit: RateLimitLayer,
    retry: (RetryPolicy, RetryLayer),
    warned: Arc<AtomicBool>,
    streams: bool,
    timeout: (TimeoutPolicy, TimeoutLayer),
    trace: (TraceClientLayer, TraceAttemptLayer),
}

/// A service inside an [`Outbound`] stack.
pub type OutboundService<S> =
    OuterStack<Retry<TracedGate<S, OutboundGates>>, RateLimitGate, WithRetryHints>;

/// Gates of each attempt: the attempt limit, the concurrency limit, and the circuit breaker.
pub type OutboundGates =
    GateChain<RateLimitGate, GateChain<ConcurrencyLimitGate, CircuitBreakerGate>>;

/// Creates the stack for a client: trace, timeout, retry, concurrency limit, circuit breaker.
///
/// Its parts have the defaults of their policies, except that the timeout is 15 s in all, Envoy's own;
/// 1024 requests may be in flight and as many pending, Envoy's own too; there is no rate limit.
#[must_use]
pub fn outbound() -> Outbound {
    let timeout = TimeoutPolicy::total(Duration::from_secs(15));
    let limit = ConcurrencyLimitPolicy::new(1_024).with_max_pending(1_024);
    let (breaker, retry) = (CircuitBreakerPolicy::default(), RetryPolicy::default());
    Outbound {
        attempt_limit: RateLimitLayer::new(RateLimitPolicy::off()),
        circuit_breaker: (breaker.clone(), CircuitBreakerLayer::new(breaker)),
        concurrency_limit: (limit.clone(), ConcurrencyLimitLayer::new(limit)),
        rate_limit: RateLimitLayer::new(RateLimitPolicy::off()),
        retry: (retry.clone(), RetryLayer::new(retry)),
        warned: Arc::default(),
        streams: false,
        timeout: (timeout.clone(), TimeoutLayer::new(timeout)),
        trace: trace(TracePolicy::default()),
    }
}

impl Outbound {
    /// Sets the rate limit of attempts, retries included. The default is none.
    ///
    /// Use it for upstreams that bill by the call.
    #[must_use]
    pub fn with_attempt_limit(mut self, policy: RateLimitPolicy) -> Self {
        self.attempt_limit = RateLimitLayer::new(policy);
        self
    }

    /// Sets the circuit breaker. The default is [`CircuitBreakerPolicy::default`].
    #[must_use]
    pub fn with_circuit_breaker(mut self, policy: CircuitBreakerPolicy) -> Self {
        self.circuit_breaker = (policy.clone(), CircuitBreakerLayer::new(policy));
        self
    }

    /// Sets the concurrency limit. The default is 1024 requests in flight, and as many pending.
    #[must_use]
    pub fn with_concurrency_limit(mut self, policy: ConcurrencyLimitPolicy) -> Self {
        self.concurrency_limit = (policy.clone(), ConcurrencyLimitLayer::new(policy));
        self
    }

    /// Sets the rate limit of requests, independent of their number of attempts. The default is none.
    #[must_use]
    pub fn with_rate_limit(mut self, policy: RateLimitPolicy) -> Self {
        self.rate_limit = RateLimitLayer::new(policy);
        self
    }

    /// Sets the retry. The default is [`RetryPolicy::default`].
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = (policy.clone(), RetryLayer::new(policy));
        self
    }

    /// Declares that the responses may be long-lived streams, if `true`. The default is `false`.
    ///
    /// Only the [findings](Self::lint) depend on it: a stream needs an idle timeout instead of a total one.
    #[must_use]
    pub const fn with_streams(mut self, streams: bool) -> Self {
        self.streams = streams;
        self
    }

    /// Sets the timeout. The default is 15 s in all.
    #[must_use]
    pub fn with_timeout(mut self, policy: TimeoutPolicy) -> Self {
        self.timeout = (policy.clone(), TimeoutLayer::new(policy));
        self
    }

    /// Sets the policy of traces. The default is [`TracePolicy::default`].
    #[must_use]
    pub fn with_trace(mut self, policy: TracePolicy) -> Self {
        self.trace = trace(policy);
        self
    }

    /// Returns the rate limit of attempts, for its state and for a new policy.
    #[must_use]
    pub const fn attempt_limit(&self) -> &RateLimitLayer {
        &self.attempt_limit
    }

    /// Returns the circuit breaker, for its state, a forced state and a new policy.
    #[must_use]
    pub const fn circuit_breaker(&self) -> &CircuitBreakerLayer {
        &self.circuit_breaker.1
    }

    /// Returns the concurrency limit, for its state and for a new policy.
    #[must_use]
    pub const fn concurrency_limit(&self) -> &ConcurrencyLimitLayer {
        &self.concurrency_limit.1
    }

    /// Returns the rate limit of requests, for its state and for a new policy.
    #[must_use]
    pub const fn rate_limit(&self) -> &RateLimitLayer {
        &self.rate_limit
    }

    /// Returns the retry, for a new policy.
    #[must_use]
    pub const fn retry(&self) -> &RetryLayer {
        &self.retry.1
    }

    /// Returns the timeout, for a new policy.
    #[must_use]
    pub const fn timeout(&self) -> &TimeoutLayer {
        &self.timeout.1
    }

    /// Returns the contradictions between this stack's initial policies. The first `layer` call logs them.
    #[must_use]
    pub fn lint(&self) -> Vec<StackWarning> {
        let parts = [
            LayerConfig::Timeout(&self.timeout.0),
            LayerConfig::Retry(&self.retry.0),
            LayerConfig::ConcurrencyLimit(&self.concurrency_limit.0),
            LayerConfig::CircuitBreaker(&self.circuit_breaker.0),
            LayerConfig::Streams,
        ];
        lint(&parts[..if self.streams { 5 } else { 4 }])
    }
}

impl<S> Layer<S> for Outbound {
    type Service = OutboundService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        warn_once(&self.warned, || self.lint());
        let (limit, breaker) = (&self.concurrency_limit.1, &self.circuit_breaker.1);
        let gates = GateChain::new(limit.gate(), breaker.gate());
        let gates = GateChain::new(self.attempt_limit.gate(), gates);
        let inner = self.trace.1.gated(inner, gates);
        let inner = self.retry.1.layer(inner);
        let inner = self.timeout.1.layer(inner);
        OuterStack::new(self.trace.0.tracer(), self.rate_limit.gate(), inner)
    }
}

/// Creates the span layers of a request and of its attempts. Only attempts inject trace headers, each with its own
/// span.
fn trace(policy: TracePolicy) -> (TraceClientLayer, TraceAttemptLayer) {
    let request = TraceClientLayer::without_injection(policy.clone());
    (request, TraceAttemptLayer::new(policy))
}

/// Logs the findings on the first call.
pub(super) fn warn_once(said: &AtomicBool, findings: impl FnOnce() -> Vec<StackWarning>) {
    // Relaxed: the flag orders nothing else, and `swap` alone lets one caller through.
    if said.swap(true, Ordering::Relaxed) {
        return;
    }
    for finding in findings() {
        tracing::warn!("{finding}");
    }
}
