use std::convert::Infallible;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::apply::{RouteOutcome, decide};
use super::response_actions::ResponseActions;
use super::routes::table::ServiceTable;
use super::{
    Destination, RouteId, RoutedBody, TrafficSplitFuture, TrafficSplitPolicy, WeightsError,
};
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::{LocalReplyBody, Rejection};
use crate::foundation::sync::Reloadable;
use crate::foundation::sync::rng::Rng;

/// Sends each request to the service of its route's destination.
///
/// It is always ready: it clones the chosen service and drives it to readiness inside the future,
/// so a destination that is not ready delays no other request. Clones share policy and services.
/// See the [module docs](super) for an example.
#[derive(Debug)]
pub struct TrafficSplit<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    rng: Rng,
    emitter: Emitter,
    table: Arc<Reloadable<ServiceTable<S>>>,
}

impl<S> Debug for Shared<S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl<S> TrafficSplit<S> {
    /// Creates a split over one service for each destination.
    #[must_use]
    pub fn new(
        policy: TrafficSplitPolicy,
        services: impl IntoIterator<Item = (Destination, S)>,
    ) -> Self {
        Self::with_emitter(policy, services, Emitter::default())
    }

    /// Creates a split that reports its rejections to `observe`.
    #[must_use]
    pub fn with_observer(
        policy: TrafficSplitPolicy,
        services: impl IntoIterator<Item = (Destination, S)>,
        observe: Arc<dyn Observe>,
    ) -> Self {
        Self::with_emitter(policy, services, Emitter::new(observe))
    }

    named!(self => self.shared.emitter.clone());

    fn with_emitter(
        policy: TrafficSplitPolicy,
        services: impl IntoIterator<Item = (Destination, S)>,
        emitter: Emitter,
    ) -> Self {
        let table = ServiceTable::new(policy, services);
        Self::of(Shared {
            rng: Rng::default(),
            emitter,
            table: Arc::new(Reloadable::new(table)),
        })
    }

    /// Sets the service for requests that the policy passes unchanged, those to unknown hosts. By
    /// default there is none, and they get 404.
    #[must_use]
    pub fn with_fallback(self, fallback: S) -> Self {
        let table = self.shared.table.load().with_fallback(fallback);
        Self::of(Shared {
            rng: self.shared.rng.clone(),
            emitter: self.shared.emitter.clone(),
            table: Arc::new(Reloadable::new(table)),
        })
    }

    /// Seeds the random choices, for tests. By default they differ in every process.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self::of(Shared {
            rng: Rng::with_seed(seed),
            emitter: self.shared.emitter.clone(),
            table: Arc::clone(&self.shared.table),
        })
    }

    /// Replaces the policy for requests that start from now on; the services stay.
    pub fn reconfigure(&self, policy: TrafficSplitPolicy) {
        let policy = Arc::new(policy);
        let table = &self.shared.table;
        let Ok(()) =
            table.try_update(|table| Ok::<_, Infallible>(table.with_policy(Arc::clone(&policy))));
    }

    /// Replaces the policy and the services together, for requests that start from now on; the
    /// fallback stays.
    pub fn reconfigure_with(
        &self,
        policy: TrafficSplitPolicy,
        services: impl IntoIterator<Item = (Destination, S)>,
    ) {
        let new = ServiceTable::new(policy, services);
        let table = &self.shared.table;
        let Ok(()) = table.try_update(|table| Ok::<_, Infallible>(new.with_fallback_of(table)));
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> TrafficSplitPolicy {
        self.shared.table.load().policy().clone()
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
        // Retried on a concurrent `reconfigure`, whose routes would otherwise be lost.
        self.shared.table.try_update(|table| {
            let policy = table.policy().clone();
            let policy = policy.with_weights(route.clone(), weights)?;
            Ok(table.with_policy(Arc::new(policy)))
        })
    }

    fn of(shared: Shared<S>) -> Self {
        Self {
            shared: Arc::new(shared),
        }
    }

    fn reject<B>(&self, rejection: Rejection, request: &Request<B>) -> Response<LocalReplyBody> {
        let is_grpc = RequestHead::of(request).is_grpc();
        self.shared.emitter.reject(rejection, is_grpc)
    }
}

impl<S> Clone for TrafficSplit<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S, B, R> Service<Request<B>> for TrafficSplit<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Body<Data = Bytes>,
{
    type Response = Response<RoutedBody<R>>;
    type Error = S::Error;
    type Future = TrafficSplitFuture<S, B>;

    /// Always returns ready; see [`TrafficSplit`].
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let table = self.shared.table.load();
        let (service, response_actions, rejection) =
            match decide(table.policy(), &mut request, self.shared.rng.next_u64()) {
                RouteOutcome::LocalReply(mut response) => {
                    self.shared.emitter.write_source(response.extensions_mut());
                    return TrafficSplitFuture::local_reply(response);
                }
                RouteOutcome::Forward {
                    choice,
                    response_actions,
                    ..
                } => {
                    let service = table.service(choice);
                    (service, response_actions, Rejection::UnknownDestination)
                }
                RouteOutcome::PassThrough => {
                    let none = ResponseActions::default();
                    (table.fallback(), none, Rejection::NoRoute)
                }
                RouteOutcome::Reject(rejection) => (None, ResponseActions::default(), rejection),
            };
        match service {
            Some(service) => {
                // A clone, which the future drives to readiness: before `call` the destination is
                // unknown.
                TrafficSplitFuture::choosing(service.clone(), request, response_actions)
            }
            None => TrafficSplitFuture::local_reply(self.reject(rejection, &request)),
        }
    }
}
