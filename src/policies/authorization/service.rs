use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::gate::{AuthorizationGate, MalformedTarget};
use super::ticket::AuthorizationTicket;
use crate::foundation::admission::{Queued, QueuedFuture, WatchedBody};
use crate::foundation::http::normal_path::normalize_target;

/// Lets requests pass by authorization policies, before the service that it wraps.
///
/// See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Authorization<S> {
    gate: AuthorizationGate,
    inner: Queued<S, AuthorizationGate>,
}

impl<S> Authorization<S> {
    pub(super) fn new(inner: S, gate: AuthorizationGate) -> Self {
        Self {
            inner: Queued::new(inner, gate.clone()),
            gate,
        }
    }
}

impl<S, B, R> Service<Request<B>> for Authorization<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: 'static,
    R: Body<Data = Bytes>,
{
    type Response = Response<WatchedBody<R, AuthorizationTicket>>;
    type Error = S::Error;
    type Future = QueuedFuture<S, AuthorizationGate, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        normalize(&self.gate, &mut request);
        self.inner.call(request)
    }
}

/// Normalizes the target of a request, so that the policies and the application see one spelling, and marks a request
/// for which that is impossible.
#[inline]
pub(crate) fn normalize<B>(gate: &AuthorizationGate, request: &mut Request<B>) {
    if gate.is_on()
        && let Err(reason) = normalize_target(request.uri_mut())
    {
        request.extensions_mut().insert(MalformedTarget(reason));
    }
}
