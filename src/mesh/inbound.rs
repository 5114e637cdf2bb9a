use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tower_layer::Layer;

use super::outbound::warn_once;
use super::{LayerConfig, OuterStack, StackWarning, lint};
use crate::foundation::admission::GateChain;
use crate::policies::concurrency_limit::{
    ConcurrencyLimitGate, ConcurrencyLimitLayer, ConcurrencyLimitPolicy,
};
use crate::policies::rate_limit::{RateLimitGate, RateLimitLayer, RateLimitPolicy};
use crate::policies::telemetry::{TracePolicy, TraceServerLayer};
use crate::policies::timeout::{TimeoutLayer, TimeoutPolicy};

/// The recommended stack around a server's routes, in one layer.
///
/// The limits are shared by all services that it makes, for every connection and route, and
/// by all its clones. See the [module docs](super) for an example and for the order of its parts.
#[derive(Clone, Debug)]
pub struct Inbound {
    concurrency_limit: (ConcurrencyLimitPolicy, ConcurrencyLimitLayer),
    rate_limit: RateLimitLayer,
    warned: Arc<AtomicBool>,
    streams: bool,
    timeout: (TimeoutPolicy, TimeoutLayer),
    trace: TraceServerLayer,
}

/// A service inside an [`Inbound`] stack.
pub type InboundService<S> = OuterStack<S, GateChain<RateLimitGate, ConcurrencyLimitGate>>;

/// Creates the stack for a server: trace, concurrency limit, timeout and deadline.
///
/// Its parts have the defaults of their policies, except that the timeout is 15 s in all, or the time that the
/// caller still waits if that is less; 1024 requests may be in flight, and a further one is rejected at
/// once; there is no rate limit, because its key depends on the application.
#[must_use]
pub fn inbound() -> Inbound {
    let timeout = TimeoutPolicy::total(Duration::from_secs(15));
    let limit = ConcurrencyLimitPolicy::new(1_024);
    Inbound {
        concurrency_limit: (limit.clone(), ConcurrencyLimitLayer::new(limit)),
        rate_limit: RateLimitLayer::new(RateLimitPolicy::off()),
        warned: Arc::default(),
        streams: false,
        timeout: (timeout.clone(), TimeoutLayer::new(timeout)),
        trace: TraceServerLayer::default(),
    }
}

impl Inbound {
    /// Sets the concurrency limit. The default is 1024 requests in flight, and none pending.
    #[must_use]
    pub fn with_concurrency_limit(mut self, policy: ConcurrencyLimitPolicy) -> Self {
        self.concurrency_limit = (policy.clone(), ConcurrencyLimitLayer::new(policy));
        self
    }

    /// Sets the rate limit. The default is none.
    #[must_use]
    pub fn with_rate_limit(mut self, policy: RateLimitPolicy) -> Self {
        self.rate_limit = RateLimitLayer::new(policy);
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

    /// Sets the policy by which traces are accepted. The default is [`TracePolicy::default`].
    #[must_use]
    pub fn with_trace(mut self, policy: TracePolicy) -> Self {
        self.trace = TraceServerLayer::new(policy);
        self
    }

    /// Returns the concurrency limit, for its state and for a new policy.
    #[must_use]
    pub const fn concurrency_limit(&self) -> &ConcurrencyLimitLayer {
        &self.concurrency_limit.1
    }

    /// Returns the rate limit, for its state and for a new policy.
    #[must_use]
    pub const fn rate_limit(&self) -> &RateLimitLayer {
        &self.rate_limit
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
            LayerConfig::ConcurrencyLimit(&self.concurrency_limit.0),
            LayerConfig::Timeout(&self.timeout.0),
            LayerConfig::Streams,
        ];
        lint(&parts[..if self.streams { 3 } else { 2 }])
    }
}

impl<S> Layer<S> for Inbound {
    type Service = InboundService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        warn_once(&self.warned, || self.lint());
        let inner = self.timeout.1.layer(inner);
        let gates = GateChain::new(self.rate_limit.gate(), self.concurrency_limit.1.gate());
        OuterStack::new(self.trace.tracer(), gates, inner)
    }
}
