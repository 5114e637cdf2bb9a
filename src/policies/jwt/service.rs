use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use tower_service::Service;

use super::AuthenticateFuture;
use super::future::WaitingCall;
use super::shared::Shared;

/// Checks the tokens of requests, and passes each on: with the claims of its token as an extension
/// ([`RequestClaims`](crate::identity::RequestClaims)), or with a refusal, which the [gate](super::JwtGate) inside answers.
///
/// A request that needs keys which are being fetched waits in its future, never in `poll_ready`.
#[derive(Clone, Debug)]
pub struct Authenticate<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Authenticate<S> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S, B> Service<Request<B>> for Authenticate<S>
where
    S: Service<Request<B>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = AuthenticateFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.shared.authenticate(&mut request, &[]) {
            None => AuthenticateFuture::calling(self.inner.call(request)),
            Some((waiting, source)) => {
                // The clone was not polled ready: it stays behind, and the ready one waits.
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone);
                let shared = Arc::clone(&self.shared);
                let call = WaitingCall::new(inner, request, shared, waiting, source);
                AuthenticateFuture::waiting(call)
            }
        }
    }
}
