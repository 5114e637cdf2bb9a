use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::balancer::{Balancer, Pick};
use super::{BalanceTicket, LoadBalanceFuture, LoadBalancePolicy};
use crate::foundation::admission::WatchedBody;
use crate::foundation::endpoints::{Endpoint, EndpointObserver, Endpoints};
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Rejection;

/// Sends each request to the service of one of several endpoints.
///
/// It is always ready: it clones the chosen service and drives it to readiness inside the future,
/// so an endpoint that is not ready delays no other request. Clones share policy and services. See
/// the
/// [module docs](super) for an example.
#[derive(Debug)]
pub struct LoadBalance<S> {
    balancer: Arc<Balancer<S>>,
}

impl<S: Clone> LoadBalance<S> {
    /// Creates a balancer over a service for each endpoint, which `make` creates.
    ///
    /// `make` is called once for each endpoint, when a request finds a new one, and should not
    /// block. The service is dropped when its endpoint is removed and its last request has ended.
    #[must_use]
    pub fn new<M>(policy: LoadBalancePolicy, endpoints: Endpoints, make: M) -> Self
    where
        M: Fn(&Endpoint) -> S + Send + Sync + 'static,
    {
        Self::with_emitter(policy, endpoints, make, Emitter::default())
    }

    /// Creates a balancer that reports its rejections to `observe`.
    #[must_use]
    pub fn with_observer<M>(
        policy: LoadBalancePolicy,
        endpoints: Endpoints,
        make: M,
        observe: Arc<dyn Observe>,
    ) -> Self
    where
        M: Fn(&Endpoint) -> S + Send + Sync + 'static,
    {
        Self::with_emitter(policy, endpoints, make, Emitter::new(observe))
    }

    pub(crate) fn with_emitter<M>(
        policy: LoadBalancePolicy,
        endpoints: Endpoints,
        make: M,
        emitter: Emitter,
    ) -> Self
    where
        M: Fn(&Endpoint) -> S + Send + Sync + 'static,
    {
        Self::of(Balancer::new(policy, endpoints, make, emitter))
    }

    named!(self => self.balancer.emitter.clone());

    /// Sets an observer of the outcomes of attempts, such as an outlier detector. The default is no
    /// observer.
    #[must_use]
    pub fn with_endpoint_observer(self, observer: impl EndpointObserver) -> Self {
        Self::of(self.balancer.with_endpoint_observer(Arc::new(observer)))
    }

    /// Seeds the random choices, for tests. By default they differ in every process.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self::of(self.balancer.with_seed(seed))
    }

    /// Replaces the policy for requests that start from now on; the services stay.
    pub fn reconfigure(&self, policy: LoadBalancePolicy) {
        self.balancer.reconfigure(policy);
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> LoadBalancePolicy {
        self.balancer.policy()
    }

    fn of(balancer: Balancer<S>) -> Self {
        Self {
            balancer: Arc::new(balancer),
        }
    }
}

impl<S> Clone for LoadBalance<S> {
    fn clone(&self) -> Self {
        Self {
            balancer: Arc::clone(&self.balancer),
        }
    }
}

impl<S, B, R> Service<Request<B>> for LoadBalance<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: 'static,
    R: Body<Data = Bytes>,
{
    type Response = Response<WatchedBody<R, BalanceTicket>>;
    type Error = S::Error;
    type Future = LoadBalanceFuture<S, B>;

    /// Always returns ready; see [`LoadBalance`].
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let head = RequestHead::of(&request);
        match self.balancer.choose(Some(head), false) {
            Pick::Endpoint { service, ticket } => {
                LoadBalanceFuture::readying(service, request, ticket)
            }
            Pick::NoEndpoint => {
                let rejection = Rejection::NoHealthyUpstream;
                let response = self.balancer.emitter.reject(rejection, head.is_grpc());
                LoadBalanceFuture::rejected(response)
            }
        }
    }
}
