use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::apply::{Host, RouteOutcome, decide, set_authority};
use super::response_actions::ResponseActions;
use super::{RouteId, RoutedBody, RoutedFuture, TrafficSplitPolicy, WeightsError};
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Rejection;
use crate::foundation::sync::Reloadable;
use crate::foundation::sync::rng::Rng;

/// Sends each request of one client to the destination of its route.
///
/// The destination becomes the authority of the request's URI, and is recorded in the request's
/// extensions, where [`Destination::of`](super::Destination::of) finds it. Clones of the layer and
/// the services that it wraps share the policy. See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct TrafficSplitLayer {
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Shared {
    rng: Rng,
    preserves_host: bool,
    emitter: Emitter,
    policy: Arc<Reloadable<TrafficSplitPolicy>>,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("policy", &*self.policy.load())
            .finish_non_exhaustive()
    }
}

impl TrafficSplitLayer {
    /// Creates a layer with `policy`, whose rejections are written to [`tracing`].
    #[must_use]
    pub fn new(policy: TrafficSplitPolicy) -> Self {
        Self::with_emitter(policy, Emitter::default())
    }

    /// Creates a layer that reports its rejections to `observe`.
    #[must_use]
    pub fn with_observer(policy: TrafficSplitPolicy, observe: Arc<dyn Observe>) -> Self {
        Self::with_emitter(policy, Emitter::new(observe))
    }

    named!(self => self.shared.emitter.clone());

    fn with_emitter(policy: TrafficSplitPolicy, emitter: Emitter) -> Self {
        Self::of(Shared {
            rng: Rng::default(),
            preserves_host: false,
            emitter,
            policy: Arc::new(Reloadable::new(policy)),
        })
    }

    /// Sets whether the caller's `Host` header is kept, as in Envoy, while the request is sent to
    /// the destination. By default it becomes the destination's host, or the one of the route's
    /// rewrite.
    #[must_use]
    pub fn with_host_preserved(self, host_kept: bool) -> Self {
        Self::of(Shared {
            preserves_host: host_kept,
            ..Shared::clone(&self.shared)
        })
    }

    /// Seeds the random choices, for tests. By default they differ in every process.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self::of(Shared {
            rng: Rng::with_seed(seed),
            ..Shared::clone(&self.shared)
        })
    }

    /// Replaces the policy for requests that start from now on.
    pub fn reconfigure(&self, policy: TrafficSplitPolicy) {
        self.shared.policy.store(policy);
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> TrafficSplitPolicy {
        self.shared.policy.current()
    }

    /// Replaces the weights of a route for requests that start from now on: one weight for each
    /// destination, in their order.
    ///
    /// # Errors
    ///
    /// Those of [`TrafficSplitPolicy::with_weights`]; the policy then stays.
    pub fn set_weights(
        &self,
        route: impl Into<RouteId>,
        weights: impl AsRef<[u32]>,
    ) -> Result<(), WeightsError> {
        let (route, weights) = (route.into(), weights.as_ref());
        let policy = &self.shared.policy;
        // Retried on a concurrent `reconfigure`, whose routes would otherwise be lost.
        policy.try_update(|policy| policy.clone().with_weights(route.clone(), weights))
    }

    fn of(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl<S> Layer<S> for TrafficSplitLayer {
    type Service = TrafficRouter<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TrafficRouter {
            inner,
            shared: Arc::clone(&self.shared),
        }
    }
}

/// Service of a [`TrafficSplitLayer`] around one client.
///
/// See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct TrafficRouter<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S, B, R> Service<Request<B>> for TrafficRouter<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    type Response = Response<RoutedBody<R>>;
    type Error = S::Error;
    type Future = RoutedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let policy = self.shared.policy.load();
        match decide(&policy, &mut request, self.shared.rng.next_u64()) {
            RouteOutcome::LocalReply(mut response) => {
                self.shared.emitter.write_source(response.extensions_mut());
                RoutedFuture::local_reply(response)
            }
            RouteOutcome::Forward {
                choice,
                response_actions,
                port,
            } => {
                // A rewrite of the route wins, in either mode: `change` has already set the header.
                let host = match self.shared.preserves_host {
                    _ if choice.rewrites_host() => Host::Rewritten,
                    true => Host::Preserved,
                    false => Host::OfDestination,
                };
                if !set_authority(&mut request, choice.destination(), port, host) {
                    return self.reject(Rejection::UnknownDestination, &request);
                }
                // Released before the inner service runs: the guard must not be held during foreign
                // code.
                drop(policy);
                RoutedFuture::calling(self.inner.call(request), response_actions)
            }
            RouteOutcome::PassThrough => {
                RoutedFuture::calling(self.inner.call(request), ResponseActions::default())
            }
            RouteOutcome::Reject(rejection) => self.reject(rejection, &request),
        }
    }
}

impl<S> TrafficRouter<S> {
    fn reject<F, B>(&self, rejection: Rejection, request: &Request<B>) -> RoutedFuture<F> {
        let is_grpc = RequestHead::of(request).is_grpc();
        RoutedFuture::local_reply(self.shared.emitter.reject(rejection, is_grpc))
    }
}
