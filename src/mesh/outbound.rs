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

/// Everything that this crate recommends around a client, in one layer.
///
/// Wrap one around the transport to each upstream: the circuit breaker, the limits and the budget of
/// retries are shared by all services that it makes and by all its clones. See the
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

/// What decides about each try: the limit of tries, the concurrency limit, and the circuit breaker.
pub type OutboundGates =
    GateChain<RateLimitGate, GateChain<ConcurrencyLimitGate, CircuitBreakerGate>>;

/// Creates the stack for a client: trace, timeout, retry, concurrency limit, circuit breaker.
///
/// Its parts have the defaults of their policies, but for these: the timeout is 15 s in all, Envoy's own;
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
    /// Sets the limit of tries, those of the retry included. The default is none.
    ///
    /// This is the one for what is billed by the call.
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

    /// Sets the limit of requests, whatever number of tries they take. The default is none.
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

    /// Says that the answers may be streams that last. The default is false.
    ///
    /// Nothing changes but the [findings](Self::lint): a stream wants an idle timeout, and no total.
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

    /// Sets how the trace goes on. The default is [`TracePolicy::default`].
    #[must_use]
    pub fn with_trace(mut self, policy: TracePolicy) -> Self {
        self.trace = trace(policy);
        self
    }

    /// The limit of tries, to be watched or given another policy.
    #[must_use]
    pub const fn attempt_limit(&self) -> &RateLimitLayer {
        &self.attempt_limit
    }

    /// The circuit breaker, to be watched, forced or given another policy.
    #[must_use]
    pub const fn circuit_breaker(&self) -> &CircuitBreakerLayer {
        &self.circuit_breaker.1
    }

    /// The concurrency limit, to be watched or given another policy.
    #[must_use]
    pub const fn concurrency_limit(&self) -> &ConcurrencyLimitLayer {
        &self.concurrency_limit.1
    }

    /// The limit of requests, to be watched or given another policy.
    #[must_use]
    pub const fn rate_limit(&self) -> &RateLimitLayer {
        &self.rate_limit
    }

    /// The retry, to be given another policy.
    #[must_use]
    pub const fn retry(&self) -> &RetryLayer {
        &self.retry.1
    }

    /// The timeout, to be given another policy.
    #[must_use]
    pub const fn timeout(&self) -> &TimeoutLayer {
        &self.timeout.1
    }

    /// Says what this stack, as it was put together, cannot do. The log says it too, once.
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

/// The spans of a request and of its tries. Each try names its own, so the request's headers name none.
fn trace(policy: TracePolicy) -> (TraceClientLayer, TraceAttemptLayer) {
    let request = TraceClientLayer::without_injection(policy.clone());
    (request, TraceAttemptLayer::new(policy))
}

/// Writes findings to the log, the first time.
pub(super) fn warn_once(said: &AtomicBool, findings: impl FnOnce() -> Vec<StackWarning>) {
    if said.swap(true, Ordering::Relaxed) {
        return;
    }
    for finding in findings() {
        tracing::warn!("{finding}");
    }
}
