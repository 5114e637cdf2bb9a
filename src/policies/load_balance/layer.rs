use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::address::set_authority;
use super::balancer::{Balancer, Pick};
use super::single_endpoint::Bypass;
use super::{BalanceTicket, BalancedFuture, LoadBalancePolicy};
use crate::foundation::admission::{WatchedBody, retain_if_active};
use crate::foundation::endpoints::attempted_hosts::AttemptedHosts;
use crate::foundation::endpoints::{EndpointObserver, Endpoints};
use crate::foundation::events::request::record::RequestRecord;
use crate::foundation::events::{Emitter, EventKind, Observe, named};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Rejection;

/// Sends each request of one client to one of several endpoints.
///
/// The endpoint becomes the authority of the request's URI; the `Host` header stays as the caller
/// set it. Clones of the layer and the services that it wraps share the state. See the
/// [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct LoadBalanceLayer {
    balancer: Balancer<()>,
}

impl LoadBalanceLayer {
    /// Creates a layer that balances over `endpoints` by `policy`.
    #[must_use]
    pub fn new(policy: LoadBalancePolicy, endpoints: Endpoints) -> Self {
        Self {
            balancer: Balancer::new(policy, endpoints, |_| (), Emitter::default()),
        }
    }

    /// Creates a layer that reports its rejections to `observe`.
    #[must_use]
    pub fn with_observer(
        policy: LoadBalancePolicy,
        endpoints: Endpoints,
        observe: Arc<dyn Observe>,
    ) -> Self {
        Self {
            balancer: Balancer::new(policy, endpoints, |_| (), Emitter::new(observe)),
        }
    }

    named!(self => self.balancer.emitter.clone());

    /// Sets an observer of the outcomes of attempts, such as an outlier detector. The default is no
    /// observer.
    #[must_use]
    pub fn with_endpoint_observer(self, observer: impl EndpointObserver) -> Self {
        Self {
            balancer: self.balancer.with_endpoint_observer(Arc::new(observer)),
        }
    }

    /// Seeds the random choices, for tests. By default they differ in every process.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self {
            balancer: self.balancer.with_seed(seed),
        }
    }

    /// Chooses an endpoint for a call that is not HTTP, such as one to a database; report its
    /// outcome to the ticket. Such a call has no hash key, so a consistent hash chooses at random.
    ///
    /// ```
    /// use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
    /// use meshless::{Endpoint, Endpoints, Outcome};
    ///
    /// # async fn query(_: &Endpoint) -> Result<(), std::io::Error> { Ok(()) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let replicas = Endpoints::fixed([Endpoint::try_from("db-1:5432")?]);
    /// let balance = LoadBalanceLayer::new(LoadBalancePolicy::default(), replicas);
    /// let ticket = balance.choose()?;
    /// if let Some(replica) = ticket.endpoint() {
    ///     let outcome = query(replica).await;
    ///     ticket.settle(outcome.as_ref().err().map_or(Outcome::SUCCESS, Outcome::of_error));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rejection::NoHealthyUpstream`] if no endpoint is available.
    pub fn choose(&self) -> Result<BalanceTicket, Rejection> {
        match self.balancer.choose(None, true) {
            Pick::Endpoint { ticket, .. } => Ok(ticket),
            Pick::NoEndpoint => {
                let rejection = Rejection::NoHealthyUpstream;
                self.balancer.emitter.emit(&EventKind::Rejected(rejection));
                Err(rejection)
            }
        }
    }

    /// Replaces the policy for requests that start from now on.
    pub fn reconfigure(&self, policy: LoadBalancePolicy) {
        self.balancer.reconfigure(policy);
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> LoadBalancePolicy {
        self.balancer.policy()
    }
}

impl<S> Layer<S> for LoadBalanceLayer {
    type Service = Balanced<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Balanced {
            balancer: self.balancer.clone(),
            inner,
        }
    }
}

/// Service of a [`LoadBalanceLayer`] around one client.
///
/// See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Balanced<S> {
    balancer: Balancer<()>,
    inner: S,
}

impl<S> Balanced<S> {
    /// Addresses a request to the endpoint chosen for it; returns `None` if no endpoint is
    /// available.
    #[inline]
    fn address<B>(&self, request: &mut Request<B>) -> Option<BalanceTicket> {
        match self.balancer.bypass() {
            Some(Bypass::Untouched) => return Some(BalanceTicket::unchosen()),
            Some(Bypass::Only(endpoint)) => {
                // `choose`, which records the endpoint otherwise, is skipped.
                AttemptedHosts::record(endpoint.id());
                RequestRecord::note_endpoint(endpoint);
                set_authority(request, endpoint.address());
                return Some(BalanceTicket::unchosen());
            }
            None => {}
        }
        match self.balancer.choose(Some(RequestHead::of(request)), true) {
            Pick::Endpoint { ticket, .. } => {
                if let Some(endpoint) = ticket.endpoint() {
                    set_authority(request, endpoint.address());
                }
                Some(ticket)
            }
            Pick::NoEndpoint => None,
        }
    }
}

impl<S, B, R> Service<Request<B>> for Balanced<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: 'static,
    R: Body<Data = Bytes>,
{
    type Response = Response<WatchedBody<R, BalanceTicket>>;
    type Error = S::Error;
    type Future = BalancedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(ticket) = self.address(&mut request) {
            return BalancedFuture::call(&mut self.inner, request, retain_if_active(ticket));
        }
        let rejection = Rejection::NoHealthyUpstream;
        let is_grpc = RequestHead::of(&request).is_grpc();
        BalancedFuture::rejected(self.balancer.emitter.reject(rejection, is_grpc))
    }
}
