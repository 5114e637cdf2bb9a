use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use tower_service::Service;

use super::{Answer, Ticket, WatchedBody};
use crate::base::{Failure, Outcome};

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
    Rejected(Option<Box<No<T>>>),
}

/// An answer of our own, and who is to hear of it.
#[derive(Debug)]
struct No<T> {
    response: Response<Answer>,
    ticket: Option<T>,
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
        // Made where it will lie: a future of several layers is hundreds of bytes.
        Self {
            state: State::Admitted {
                inner: {
                    let _guard = PanicGuard::new(&mut ticket);
                    inner.call(request)
                },
                ticket,
            },
        }
    }

    pub(crate) fn rejected(response: Response<Answer>) -> Self {
        Self::no(response, None)
    }

    /// Answers for a gate inside those that `ticket` stands for.
    pub(crate) fn refused(response: Response<Answer>, ticket: T) -> Self {
        Self::no(response, Some(ticket))
    }

    #[cold]
    fn no(response: Response<Answer>, ticket: Option<T>) -> Self {
        Self {
            state: State::Rejected(Some(Box::new(No { response, ticket }))),
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
            StateProj::Rejected(no) => {
                let no = no.take().expect("not polled after completion");
                Poll::Ready(Ok(no.answer()))
            }
        }
    }
}

impl<T: Ticket> No<T> {
    fn answer<R>(self) -> Response<WatchedBody<R, T>> {
        let Self { response, ticket } = self;
        let Some(mut ticket) = ticket else {
            return response.map(WatchedBody::answer);
        };
        let mut answered = Ok::<_, std::convert::Infallible>(response);
        // An answer of our own says how it turned out: no trailers will.
        settle(&mut answered, &mut ticket);
        let Ok(response) = answered;
        response.map(|answer| WatchedBody::refused(answer, ticket))
    }
}

/// Reports the head; says whether the trailers will say how it turned out.
#[inline]
pub(crate) fn settle<R, E, T>(result: &mut Result<Response<R>, E>, ticket: &mut T) -> bool
where
    T: Ticket,
    E: 'static,
{
    match result {
        Ok(response) => {
            let hears = ticket.hears_outcome();
            let outcome = if hears {
                Outcome::of_response(response)
            } else {
                None
            };
            ticket.answered(response, outcome);
            hears && outcome.is_none()
        }
        Err(error) => {
            ticket.failed(error);
            false
        }
    }
}
