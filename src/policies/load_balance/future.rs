use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use tower_service::Service;

use super::BalanceTicket;
use crate::foundation::admission::{GatedFuture, Ticket, WatchedBody, forward, with_panic_guard};
use crate::foundation::outcome::{Failure, LocalReplyBody, Outcome};

/// Response future of [`LoadBalance`](super::LoadBalance).
#[pin_project]
pub struct LoadBalanceFuture<S, B>
where
    S: Service<Request<B>>,
{
    #[pin]
    state: State<S, B>,
}

#[pin_project(project = StateProj)]
#[expect(
    clippy::large_enum_variant,
    reason = "every call begins in the larger state, and a box would be an allocation for each"
)]
enum State<S, B>
where
    S: Service<Request<B>>,
{
    Called(#[pin] GatedFuture<S::Future, BalanceTicket>),
    /// Waits until the chosen service is ready; other endpoints are not affected.
    Readying {
        call: Option<(S, Request<B>)>,
        ticket: Option<BalanceTicket>,
    },
}

impl<S, B> LoadBalanceFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) const fn readying(service: S, request: Request<B>, ticket: BalanceTicket) -> Self {
        Self {
            state: State::Readying {
                call: Some((service, request)),
                ticket: Some(ticket),
            },
        }
    }

    pub(super) fn rejected(response: Response<LocalReplyBody>) -> Self {
        Self {
            state: State::Called(GatedFuture::rejected(response)),
        }
    }
}

impl<S, B, R> Future for LoadBalanceFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: 'static,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<WatchedBody<R, BalanceTicket>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let next = match self.as_mut().project().state.project() {
                StateProj::Called(called) => return called.poll(cx),
                StateProj::Readying { call, ticket } => {
                    let (service, _) = call.as_mut().expect(POLLED);
                    // A panic in the service drops the ticket as a failure of the endpoint.
                    let is_ready = ready!(with_panic_guard(ticket, || service.poll_ready(cx)));
                    let (mut service, mut request) = call.take().expect(POLLED);
                    let mut ticket = ticket.take().expect(POLLED);
                    if let Err(error) = is_ready {
                        // A service that fails to become ready is a failure of its endpoint.
                        ticket.on_outcome(Outcome::Failed(Failure::of(&error)));
                        return Poll::Ready(Err(error));
                    }
                    let ticket = forward(ticket, request.headers_mut());
                    GatedFuture::call(&mut service, request, ticket)
                }
            };
            self.as_mut().project().state.set(State::Called(next));
        }
    }
}

const POLLED: &str = "not polled after completion";

impl<S, B> Debug for LoadBalanceFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Called(_) => "Called",
            State::Readying { .. } => "Readying",
        };
        f.debug_struct("LoadBalanceFuture")
            .field("state", &state)
            .finish()
    }
}
