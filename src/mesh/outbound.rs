use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::snapshot::{
    CircuitBreakerSnapshot, ConcurrencyLimitSnapshot, OutboundSnapshot, RateLimitSnapshot,
    RetryBudgetSnapshot,
};
use super::stack::{self, OutboundLayers, OutboundStack};
use super::{OutboundPolicy, StackWarning};
use crate::foundation::events::Observe;
use crate::foundation::outcome::BoxError;
use crate::policies::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use crate::policies::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use crate::policies::rate_limit::{RateLimitLayer, RateLimitPolicy};
use crate::policies::retry::{ReplayBody, RetryLayer, RetryPolicy};
use crate::policies::telemetry::{TraceAttemptLayer, TraceClientLayer, TracePolicy};
use crate::policies::timeout::{TimeoutLayer, TimeoutPolicy};

/// The recommended stack around a client's transport, in one layer.
///
/// Use one for the transport to each upstream, or [one for all](Self::per_host): the circuit breaker, the limits and
/// the retry budget are shared by all services that it makes and by all its clones. See the
/// [module docs](super) for an example and for the order of its parts.
#[derive(Clone)]
pub struct Outbound {
    layers: OutboundLayers,
    streams: bool,
    warned: Arc<AtomicBool>,
}

/// Creates the stack for a client: trace, timeout, retry, concurrency limit, circuit breaker.
///
/// Its parts have the defaults of their policies, except that the timeout is 15 s in all, Envoy's own;
/// 1024 requests may be in flight and as many pending, Envoy's own too; there is no rate limit.
#[must_use]
pub fn outbound() -> Outbound {
    Outbound {
        layers: OutboundLayers::default(),
        streams: false,
        warned: Arc::default(),
    }
}

impl Outbound {
    /// Sets the name by which the events, rejections and spans of all its layers identify this stack, such as
    /// that of the upstream; see [`Source`](crate::events::Source). The default is none. Clones have the same name.
    #[must_use]
    pub fn named(self, name: impl Into<Arc<str>>) -> Self {
        self.layers.emitter.set_name(&name.into());
        self
    }

    /// Sets the observer of all its layers. The default is
    /// [`TracingObserver`](crate::telemetry::TracingObserver). Clones have the same observer.
    #[must_use]
    pub fn with_observer(self, observe: Arc<dyn Observe>) -> Self {
        self.layers.emitter.set_observer(observe);
        self.layers.trace.update_observer();
        self.layers.trace_attempt.update_observer();
        self
    }

    /// Sets the rate limit of attempts, retries included. The default is none.
    ///
    /// Use it for upstreams that bill by the call.
    #[must_use]
    pub fn with_attempt_limit(mut self, policy: RateLimitPolicy) -> Self {
        self.layers.attempt_limit =
            RateLimitLayer::with_emitter(policy, self.layers.emitter.clone());
        self
    }

    /// Sets the circuit breaker. The default is [`CircuitBreakerPolicy::default`].
    #[must_use]
    pub fn with_circuit_breaker(mut self, policy: CircuitBreakerPolicy) -> Self {
        self.layers.circuit_breaker =
            CircuitBreakerLayer::with_emitter(policy, self.layers.emitter.clone());
        self
    }

    /// Sets the concurrency limit. The default is 1024 requests in flight, and as many pending.
    #[must_use]
    pub fn with_concurrency_limit(mut self, policy: ConcurrencyLimitPolicy) -> Self {
        self.layers.concurrency_limit =
            ConcurrencyLimitLayer::with_emitter(policy, self.layers.emitter.clone());
        self
    }

    /// Sets the rate limit of requests, independent of their number of attempts. The default is none.
    #[must_use]
    pub fn with_rate_limit(mut self, policy: RateLimitPolicy) -> Self {
        self.layers.rate_limit = RateLimitLayer::with_emitter(policy, self.layers.emitter.clone());
        self
    }

    /// Sets the retry. The default is [`RetryPolicy::default`].
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.layers.retry = RetryLayer::with_emitter(policy, self.layers.emitter.clone());
        self
    }

    /// Declares that the responses may be long-lived streams, if `true`. The default is `false`.
    ///
    /// Only the [findings](Self::lint) depend on it: a stream needs a [timeout to its head](TimeoutPolicy::head) and an
    /// idle timeout, instead of the total one.
    #[must_use]
    pub const fn with_streams(mut self, streams: bool) -> Self {
        self.streams = streams;
        self
    }

    /// Sets the timeout. The default is 15 s in all.
    #[must_use]
    pub fn with_timeout(mut self, policy: TimeoutPolicy) -> Self {
        self.layers.timeout = TimeoutLayer::with_emitter(policy, self.layers.emitter.clone());
        self
    }

    /// Sets the policy of traces. The default is [`TracePolicy::default`].
    #[must_use]
    pub fn with_trace(mut self, policy: TracePolicy) -> Self {
        self.layers.trace =
            TraceClientLayer::without_injection(policy.clone(), self.layers.emitter.clone());
        self.layers.trace_attempt =
            TraceAttemptLayer::with_emitter(policy, self.layers.emitter.clone());
        self
    }

    /// Returns the rate limit of attempts, for its state and for a new policy.
    #[must_use]
    pub const fn attempt_limit(&self) -> &RateLimitLayer {
        &self.layers.attempt_limit
    }

    /// Returns the circuit breaker, for its state, a forced state and a new policy.
    #[must_use]
    pub const fn circuit_breaker(&self) -> &CircuitBreakerLayer {
        &self.layers.circuit_breaker
    }

    /// Returns the concurrency limit, for its state and for a new policy.
    #[must_use]
    pub const fn concurrency_limit(&self) -> &ConcurrencyLimitLayer {
        &self.layers.concurrency_limit
    }

    /// Returns the rate limit of requests, for its state and for a new policy.
    #[must_use]
    pub const fn rate_limit(&self) -> &RateLimitLayer {
        &self.layers.rate_limit
    }

    /// Returns the retry, for a new policy.
    #[must_use]
    pub const fn retry(&self) -> &RetryLayer {
        &self.layers.retry
    }

    /// Returns the timeout, for a new policy.
    #[must_use]
    pub const fn timeout(&self) -> &TimeoutLayer {
        &self.layers.timeout
    }

    /// Replaces all policies for requests that start from now on; every part keeps its state.
    ///
    /// [`OutboundPolicy::lint`] finds contradictions beforehand. Whether responses are
    /// [streams](Self::with_streams) stays.
    pub fn reconfigure(&self, policy: OutboundPolicy) {
        let OutboundPolicy {
            attempt_limit,
            circuit_breaker,
            concurrency_limit,
            rate_limit,
            retry,
            streams: _,
            timeout,
            trace,
        } = policy;
        let layers = &self.layers;
        layers.attempt_limit.reconfigure(attempt_limit);
        layers.circuit_breaker.reconfigure(circuit_breaker);
        layers.concurrency_limit.reconfigure(concurrency_limit);
        layers.rate_limit.reconfigure(rate_limit);
        layers.retry.reconfigure(retry);
        layers.timeout.reconfigure(timeout);
        layers.trace.reconfigure(trace.clone());
        layers.trace_attempt.reconfigure(trace);
    }

    /// Returns the current policies.
    #[must_use]
    pub fn policy(&self) -> OutboundPolicy {
        let layers = &self.layers;
        OutboundPolicy {
            attempt_limit: layers.attempt_limit.policy(),
            circuit_breaker: layers.circuit_breaker.policy(),
            concurrency_limit: layers.concurrency_limit.policy(),
            rate_limit: layers.rate_limit.policy(),
            retry: layers.retry.policy(),
            streams: self.streams,
            timeout: layers.timeout.policy(),
            trace: layers.trace.policy(),
        }
    }

    /// Returns the state of its parts as plain values.
    #[must_use]
    pub fn snapshot(&self) -> OutboundSnapshot {
        let layers = &self.layers;
        OutboundSnapshot {
            name: layers.emitter.source().name().map(Into::into),
            rate_limit: RateLimitSnapshot::of(&layers.rate_limit),
            retry_budget: RetryBudgetSnapshot::of(&layers.retry),
            attempt_limit: RateLimitSnapshot::of(&layers.attempt_limit),
            concurrency_limit: ConcurrencyLimitSnapshot::of(&layers.concurrency_limit),
            circuit_breaker: CircuitBreakerSnapshot::of(&layers.circuit_breaker),
        }
    }

    /// Returns the contradictions between the current policies of this stack. The first `layer` call logs them.
    #[must_use]
    pub fn lint(&self) -> Vec<StackWarning> {
        stack::lint_outbound(&self.layers, self.streams)
    }
}

impl Outbound {
    pub(super) const fn layers(&self) -> &OutboundLayers {
        &self.layers
    }

    /// Returns a stack with the same policies and a state of its own, for one of several hosts.
    pub(super) fn of_one_host(&self, host: &str) -> Self {
        Self {
            layers: self.layers.fresh(host),
            streams: self.streams,
            // The findings about the policies are those of all hosts.
            warned: Arc::clone(&self.warned),
        }
    }

    /// True while the concurrency limit counts a request in flight or in its queue.
    pub(super) fn is_busy(&self) -> bool {
        let limit = self.concurrency_limit();
        limit.in_flight() > 0 || limit.pending() > 0
    }

    /// Logs the findings on the first call.
    pub(super) fn warn_once(&self) {
        warn_once(&self.warned, || self.lint());
    }
}

impl Debug for Outbound {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("circuit", &self.circuit_breaker().state())
            .field("in_flight", &self.concurrency_limit().in_flight())
            .field("streams", &self.streams)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for Outbound {
    type Service = OutboundService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        self.warn_once();
        OutboundService {
            inner: stack::outbound(&self.layers, inner),
        }
    }
}

/// A service inside an [`Outbound`] stack.
///
/// Its inner service takes requests with a [`ReplayBody`]. Clones share all state.
#[derive(Clone)]
pub struct OutboundService<S> {
    inner: OutboundStack<S>,
}

impl<S> Debug for OutboundService<S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundService").finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for OutboundService<S>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone,
    S::Error: 'static,
    B: Body,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError> + 'static,
{
    type Response = <OutboundStack<S> as Service<Request<B>>>::Response;
    type Error = S::Error;
    type Future = <OutboundStack<S> as Service<Request<B>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.inner.call(request)
    }
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
