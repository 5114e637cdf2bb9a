use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{Admission, Gate, GatedFuture, NoQueue, WatchedBody, forward};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::{LocalReplyBody, Rejection};

/// A service behind a [`Gate`] that decides at once.
///
/// See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Gated<S, G> {
    gate: G,
    inner: S,
}

impl<S, G> Gated<S, G> {
    /// Wraps `inner` behind `gate`.
    pub const fn new(inner: S, gate: G) -> Self {
        Self { gate, inner }
    }
}

/// Returns the response to a request that `gate` rejected.
#[cold]
fn local_reply<G: Gate>(gate: &G, rejection: Rejection, is_grpc: bool) -> Response<LocalReplyBody> {
    let mut response = rejection.into_response(is_grpc);
    gate.write_headers(rejection, response.headers_mut());
    gate.write_extensions(rejection, response.extensions_mut());
    response
}

impl<S, G, B, R> Service<Request<B>> for Gated<S, G>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: 'static,
    G: Gate<Wait = NoQueue<<G as Gate>::Ticket>>,
    R: Body<Data = Bytes>,
{
    type Response = Response<WatchedBody<R, G::Ticket>>;
    type Error = S::Error;
    type Future = GatedFuture<S::Future, G::Ticket>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let head = RequestHead::of(&request);
        match self.gate.admit(head) {
            // The ticket is taken before the inner call, so that a future dropped without being
            // polled still settles.
            Admission::Admitted(ticket) => {
                let ticket = forward(ticket, request.headers_mut());
                GatedFuture::call(&mut self.inner, request, ticket)
            }
            Admission::RejectedInside(ticket, rejection) => {
                GatedFuture::rejected_inside(rejection.into_response(head.is_grpc()), ticket)
            }
            Admission::Rejected(rejection) => {
                GatedFuture::rejected(local_reply(&self.gate, rejection, head.is_grpc()))
            }
            // `NoQueue` is uninhabited.
            Admission::Waiting(never) => match never.0 {},
        }
    }
}
