use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::outbound::warn_once;
use super::outer_stack::OuterStack;
use super::snapshot::{ConcurrencyLimitSnapshot, InboundSnapshot, RateLimitSnapshot};
use super::stack::{self, InboundGates, InboundLayers};
use super::{InboundPolicy, StackWarning};
use crate::foundation::events::Observe;
use crate::foundation::outcome::BoxError;
use crate::policies::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use crate::policies::rate_limit::{RateLimitLayer, RateLimitPolicy};
use crate::policies::telemetry::{TracePolicy, TraceServerLayer};
use crate::policies::timeout::{TimeoutLayer, TimeoutPolicy};

/// The recommended stack around a server's routes, in one layer.
///
/// The limits are shared by all services that it makes, for every connection and route, and
/// by all its clones. See the [module docs](super) for an example and for the order of its parts.
#[derive(Clone)]
pub struct Inbound {
    layers: InboundLayers,
    streams: bool,
    warned: Arc<AtomicBool>,
}

/// Creates the stack for a server: trace, concurrency limit, timeout and deadline.
///
/// Its parts have the defaults of their policies, except that the timeout is 15 s to the head of a response, or the
/// time that the caller still waits if that is less; the body may take as long as the caller waits, with at most
/// 5 minutes of silence; 1024 requests may be in flight, and a further one is rejected at once; there is no rate limit,
/// because its key depends on the application.
///
/// # Routes that need more time
///
/// Server-sent events and downloads need nothing. A long poll sends no head until there is news, so its routes get a
/// clone of the stack with a longer timeout. Clones share the limits:
///
/// ```
/// use std::time::Duration;
///
/// use axum::Router;
/// use axum::routing::get;
/// use meshless::inbound;
/// use meshless::timeout::TimeoutPolicy;
///
/// # async fn users() -> &'static str { "" }
/// # async fn news() -> &'static str { "" }
/// let stack = inbound();
/// let patient = stack.clone().with_timeout(TimeoutPolicy::head(Duration::from_secs(60)));
/// let app: Router = Router::new()
///     .route("/users", get(users))
///     .layer(stack)
///     .merge(Router::new().route("/news", get(news)).layer(patient));
/// # let _ = app;
/// ```
#[must_use]
pub fn inbound() -> Inbound {
    Inbound {
        layers: InboundLayers::default(),
        streams: false,
        warned: Arc::default(),
    }
}

impl Inbound {
    /// Sets the name by which the events, rejections and spans of all its layers identify this stack, such as
    /// that of the service; see [`Source`](crate::events::Source). The default is none. Clones have the same name.
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
        self
    }

    /// Sets the concurrency limit. The default is 1024 requests in flight, and none pending.
    #[must_use]
    pub fn with_concurrency_limit(mut self, policy: ConcurrencyLimitPolicy) -> Self {
        self.layers.concurrency_limit =
            ConcurrencyLimitLayer::with_emitter(policy, self.layers.emitter.clone());
        self
    }

    /// Sets the rate limit. The default is none.
    #[must_use]
    pub fn with_rate_limit(mut self, policy: RateLimitPolicy) -> Self {
        self.layers.rate_limit = RateLimitLayer::with_emitter(policy, self.layers.emitter.clone());
        self
    }

    /// Declares that the responses may be long-lived streams, if `true`. The default is `false`.
    ///
    /// Only the [findings](Self::lint) depend on it: a stream needs a timeout to its head, as the default is, and not a
    /// total one.
    #[must_use]
    pub const fn with_streams(mut self, streams: bool) -> Self {
        self.streams = streams;
        self
    }

    /// Sets the timeout. The default is 15 s to the head of the response, and 5 minutes of silence in its body, Envoy's
    /// `stream_idle_timeout`. [`TimeoutPolicy::total`] limits the body too.
    #[must_use]
    pub fn with_timeout(mut self, policy: TimeoutPolicy) -> Self {
        self.layers.timeout = TimeoutLayer::with_emitter(policy, self.layers.emitter.clone());
        self
    }

    /// Sets the policy by which traces are accepted. The default is [`TracePolicy::default`].
    #[must_use]
    pub fn with_trace(mut self, policy: TracePolicy) -> Self {
        self.layers.trace = TraceServerLayer::with_emitter(policy, self.layers.emitter.clone());
        self
    }

    /// Returns the concurrency limit, for its state and for a new policy.
    #[must_use]
    pub const fn concurrency_limit(&self) -> &ConcurrencyLimitLayer {
        &self.layers.concurrency_limit
    }

    /// Returns the rate limit, for its state and for a new policy.
    #[must_use]
    pub const fn rate_limit(&self) -> &RateLimitLayer {
        &self.layers.rate_limit
    }

    /// Returns the timeout, for a new policy.
    #[must_use]
    pub const fn timeout(&self) -> &TimeoutLayer {
        &self.layers.timeout
    }

    /// Replaces all policies for requests that start from now on; every part keeps its state.
    ///
    /// [`InboundPolicy::lint`] finds contradictions beforehand. Whether responses are
    /// [streams](Self::with_streams) stays.
    pub fn reconfigure(&self, policy: InboundPolicy) {
        let InboundPolicy {
            concurrency_limit,
            rate_limit,
            streams: _,
            timeout,
            trace,
        } = policy;
        let layers = &self.layers;
        layers.concurrency_limit.reconfigure(concurrency_limit);
        layers.rate_limit.reconfigure(rate_limit);
        layers.timeout.reconfigure(timeout);
        layers.trace.reconfigure(trace);
    }

    /// Returns the current policies.
    #[must_use]
    pub fn policy(&self) -> InboundPolicy {
        let layers = &self.layers;
        InboundPolicy {
            concurrency_limit: layers.concurrency_limit.policy(),
            rate_limit: layers.rate_limit.policy(),
            streams: self.streams,
            timeout: layers.timeout.policy(),
            trace: layers.trace.policy(),
        }
    }

    /// Returns the state of its parts as plain values.
    #[must_use]
    pub fn snapshot(&self) -> InboundSnapshot {
        let layers = &self.layers;
        InboundSnapshot {
            name: layers.emitter.source().name().map(Into::into),
            rate_limit: RateLimitSnapshot::of(&layers.rate_limit),
            concurrency_limit: ConcurrencyLimitSnapshot::of(&layers.concurrency_limit),
        }
    }

    /// Returns the contradictions between the current policies of this stack. The first `layer` call logs them.
    #[must_use]
    pub fn lint(&self) -> Vec<StackWarning> {
        stack::lint_inbound(&self.layers, self.streams)
    }
}

impl From<InboundPolicy> for Inbound {
    fn from(policy: InboundPolicy) -> Self {
        let InboundPolicy {
            concurrency_limit,
            rate_limit,
            streams,
            timeout,
            trace,
        } = policy;
        inbound()
            .with_concurrency_limit(concurrency_limit)
            .with_rate_limit(rate_limit)
            .with_streams(streams)
            .with_timeout(timeout)
            .with_trace(trace)
    }
}

impl Debug for Inbound {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("streams", &self.streams)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for Inbound {
    type Service = InboundService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        warn_once(&self.warned, || self.lint());
        let layers = &self.layers;
        let gates = stack::inbound_gates(layers);
        InboundService {
            inner: stack::inbound(&layers.trace, gates, &layers.timeout, inner),
        }
    }
}

/// A service inside an [`Inbound`] stack.
///
/// Clones share all state.
#[derive(Clone)]
pub struct InboundService<S> {
    inner: OuterStack<S, InboundGates>,
}

impl<S> Debug for InboundService<S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundService").finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for InboundService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: 'static,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Response = <OuterStack<S, InboundGates> as Service<Request<B>>>::Response;
    type Error = S::Error;
    type Future = <OuterStack<S, InboundGates> as Service<Request<B>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.inner.call(request)
    }
}
