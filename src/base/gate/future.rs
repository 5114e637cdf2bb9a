use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use tower_service::Service;

use super::{Answer, Ticket, WatchedBody};
use crate::base::{Failure, Outcome, ResponseHead};

/// Response future of [`Gated`](super::Gated).
#[pin_project]
#[derive(Debug)]
pub struct GatedFuture<F, T> {
    #[pin]
    state: State<F, T>,
}

#[pin_project(project = StateProj)]
#[derive(Debug)]
enum State<F, T> {
    Admitted {
        // Before its ticket, so that it is dropped first.
        #[pin]
        inner: F,
        ticket: Option<T>,
    },
    // Boxed: a response is 10 words, and an answer of our own allocates its headers anyway.
    Rejected(Option<Box<Response<Answer>>>),
}

impl<F, T> GatedFuture<F, T> {
    /// Calls `inner`, which was polled ready, on behalf of `ticket`.
    #[inline]
    pub(crate) fn call<S, B>(inner: &mut S, request: Request<B>, ticket: T) -> Self
    where
        S: Service<Request<B>, Future = F>,
        T: Ticket,
    {
        let mut ticket = Some(ticket);
        let inner = {
            let _guard = PanicGuard::new(&mut ticket);
            inner.call(request)
        };
        Self {
            state: State::Admitted { inner, ticket },
        }
    }

    pub(super) fn rejected(response: Response<Answer>) -> Self {
        Self {
            state: State::Rejected(Some(Box::new(response))),
        }
    }
}

/// Reports a panic of the inner service as its failure.
///
/// Without it, a service that does nothing but panic would look like one whose callers go away.
pub(crate) struct PanicGuard<'a, T: Ticket>(&'a mut Option<T>);

impl<'a, T: Ticket> PanicGuard<'a, T> {
    /// Guards `ticket` until it is dropped.
    pub(crate) const fn new(ticket: &'a mut Option<T>) -> Self {
        Self(ticket)
    }
}

impl<T: Ticket> Drop for PanicGuard<'_, T> {
    fn drop(&mut self) {
        if thread::panicking()
            && let Some(mut ticket) = self.0.take()
            && ticket.hears_outcome()
        {
            ticket.head(Outcome::Failed(Failure::Panic));
        }
    }
}

impl<F, T, R, E> Future for GatedFuture<F, T>
where
    F: Future<Output = Result<Response<R>, E>>,
    T: Ticket,
    R: Body<Data = Bytes>,
    E: 'static,
{
    type Output = Result<Response<WatchedBody<R, T>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Admitted { inner, ticket } => {
                let mut polled = {
                    let _guard = PanicGuard::new(ticket);
                    inner.poll(cx)
                };
                let Poll::Ready(result) = &mut polled else {
                    return Poll::Pending;
                };
                let mut ticket = ticket.take().expect("not polled after completion");
                let undecided = settle(result, &mut ticket);
                // Where it lies: a response is some hundred bytes, and moves once a layer.
                polled.map_ok(|r| r.map(|body| WatchedBody::upstream(body, ticket, undecided)))
            }
            StateProj::Rejected(response) => {
                let response = response.take().expect("not polled after completion");
                Poll::Ready(Ok(response.map(WatchedBody::answer)))
            }
        }
    }
}

/// Reports the head; says whether the trailers will say how it turned out.
#[inline]
fn settle<R, E, T>(result: &mut Result<Response<R>, E>, ticket: &mut T) -> bool
where
    T: Ticket,
    E: 'static,
{
    let hears = ticket.hears_outcome();
    match result {
        Ok(response) => {
            ticket.inspect(ResponseHead::of(response));
            let outcome = hears.then(|| Outcome::of_response(response)).flatten();
            if let Some(outcome) = outcome {
                ticket.head(outcome);
            }
            ticket.annotate(response.headers_mut());
            ticket.extend(response.extensions_mut());
            hears && outcome.is_none()
        }
        Err(error) => {
            if hears {
                let failure = ticket.recognize(error);
                ticket.head(Outcome::Failed(failure));
            }
            false
        }
    }
}
