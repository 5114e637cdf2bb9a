use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use pin_project::pin_project;
use tower_service::Service;

use super::{LocalReplyBody, Ticket, WatchedBody};

use crate::foundation::admission::BodyWatch;
use crate::foundation::outcome::{Failure, Outcome};

/// Response future of [`Gated`](super::Gated).
#[pin_project]
#[derive(Debug)]
pub struct GatedFuture<F, T> {
    // Declared before its ticket, so that it is dropped first: a permit is free once the call is.
    #[pin]
    inner: Inner<F>,
    ticket: Option<T>,
}

#[pin_project(project = InnerProj)]
#[derive(Debug)]
enum Inner<F> {
    Admitted(#[pin] F),
    // Boxed: a response is 10 words, and a local reply allocates its headers anyway.
    Rejected(Option<Box<Response<LocalReplyBody>>>),
}

impl<F, T> GatedFuture<F, T> {
    /// Calls `inner`, which was polled ready, and holds `ticket` for the call.
    #[inline]
    pub(crate) fn call<S, B>(inner: &mut S, request: Request<B>, mut ticket: Option<T>) -> Self
    where
        S: Service<Request<B>, Future = F>,
        T: Ticket,
    {
        let guard = Guard::new(&mut ticket);
        let this = Self::called(inner, request, guard.0);
        guard.disarm();
        this
    }

    /// Calls `inner`, then takes the ticket that the caller held during the call.
    ///
    /// The caller holds it so that this function has nothing to drop if `inner` panics. Only then,
    /// and only as a part of the value that is returned, is the inner future built in its final
    /// location; otherwise it is moved there, hundreds of bytes under several layers.
    pub(super) fn called<S, B>(inner: &mut S, request: Request<B>, ticket: &mut Option<T>) -> Self
    where
        S: Service<Request<B>, Future = F>,
    {
        Self {
            inner: Inner::Admitted(inner.call(request)),
            ticket: ticket.take(),
        }
    }

    /// Creates a placeholder for a call that has not started: the response is absent.
    pub(super) const fn idle() -> Self {
        Self {
            inner: Inner::Rejected(None),
            ticket: None,
        }
    }

    pub(crate) fn rejected(response: Response<LocalReplyBody>) -> Self {
        Self::replied(response, None)
    }

    /// Creates the local reply of an inner gate, observed by the outer gates' `ticket`.
    pub(crate) fn rejected_inside(response: Response<LocalReplyBody>, ticket: T) -> Self {
        Self::replied(response, Some(ticket))
    }

    #[cold]
    fn replied(response: Response<LocalReplyBody>, ticket: Option<T>) -> Self {
        let inner = Inner::Rejected(Some(Box::new(response)));
        Self { inner, ticket }
    }
}

/// Returns the ticket if it is [active](Ticket::is_active); drops it otherwise.
#[inline]
pub(crate) fn retain_if_active<T: Ticket>(ticket: T) -> Option<T> {
    ticket.is_active().then_some(ticket)
}

/// Returns the ticket of an admitted request if it is [active](Ticket::is_active), after it has
/// changed the request's headers.
///
/// A function apart from the call, which passes the request on where it lies; changed there, it
/// would be moved once more.
#[inline]
pub(crate) fn forward<T: Ticket>(ticket: T, headers: &mut HeaderMap) -> Option<T> {
    let mut ticket = retain_if_active(ticket);
    forward_by(&mut ticket, headers);
    ticket
}

/// Has the ticket change the request's headers; returns true if it has changed any.
#[inline]
pub(crate) fn forward_by<T: Ticket>(ticket: &mut Option<T>, headers: &mut HeaderMap) -> bool {
    let guard = Guard::new(ticket);
    let changed = guard
        .0
        .as_mut()
        .is_some_and(|ticket| ticket.forward(headers));
    guard.disarm();
    changed
}

/// Runs `work` of the inner service, and reports a panic as its failure.
#[inline]
pub(crate) fn with_panic_guard<T: Ticket, R>(
    ticket: &mut Option<T>,
    work: impl FnOnce() -> R,
) -> R {
    let guard = Guard::new(ticket);
    let result = work();
    guard.disarm();
    result
}

/// Guard that reports a panic of the inner service as its failure.
///
/// Without it, a service that always panics would look like one whose callers cancel.
pub(super) struct Guard<'a, T: Ticket>(pub(super) &'a mut Option<T>);

impl<'a, T: Ticket> Guard<'a, T> {
    #[inline]
    pub(super) const fn new(ticket: &'a mut Option<T>) -> Self {
        Self(ticket)
    }

    /// Forgets the guard: from here on only a panic has to drop it, and none can come.
    #[inline]
    pub(super) fn disarm(self) {
        mem::forget(self);
    }
}

impl<T: Ticket> Drop for Guard<'_, T> {
    #[cold]
    fn drop(&mut self) {
        if let Some(mut ticket) = self.0.take()
            && ticket.wants_outcome()
        {
            ticket.on_outcome(Outcome::Failed(Failure::Panic));
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
        self.poll_map(cx, |body| body)
    }
}

impl<F, T> GatedFuture<F, T> {
    /// Polls, and wraps the body of the response where the response is made: a response is some
    /// hundred bytes, and is moved once for both bodies.
    #[inline]
    pub(crate) fn poll_map<R, E, Q>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        wrap: impl FnOnce(WatchedBody<R, T>) -> Q,
    ) -> Poll<Result<Response<Q>, E>>
    where
        F: Future<Output = Result<Response<R>, E>>,
        T: Ticket,
        E: 'static,
    {
        let this = self.project();
        let ticket = this.ticket;
        match this.inner.project() {
            InnerProj::Admitted(inner) => {
                let mut polled = with_panic_guard(ticket, || inner.poll(cx));
                let Poll::Ready(result) = &mut polled else {
                    return Poll::Pending;
                };
                let undecided = report_result(result, ticket);
                let watch = BodyWatch::new(ticket.take(), undecided);
                polled.map_ok(|r| r.map(|body| wrap(WatchedBody::upstream(body, watch))))
            }
            InnerProj::Rejected(response) => {
                let response = response.take().expect("not polled after completion");
                Poll::Ready(Ok(local_reply(*response, ticket.take()).map(wrap)))
            }
        }
    }
}

/// Text that a ticket wants in the reply to a request that is rejected inside, as an extension of the response.
#[derive(Clone, Debug)]
pub(crate) struct ReplyText(pub(crate) Bytes);

#[cold]
fn local_reply<R, T: Ticket>(
    mut response: Response<LocalReplyBody>,
    ticket: Option<T>,
) -> Response<WatchedBody<R, T>> {
    let Some(mut ticket) = ticket else {
        return response.map(WatchedBody::local_reply);
    };
    // A local reply decides the outcome with its head: it has no trailers.
    report(&mut response, &mut ticket);
    if let Some(ReplyText(text)) = response.extensions_mut().remove() {
        *response.body_mut() = LocalReplyBody::new(text);
    }
    response.map(|answer| WatchedBody::rejected_inside(answer, ticket))
}

/// Reports the outcome, if a ticket observes the call; returns true if the trailers will carry it.
#[inline]
pub(crate) fn report_result<R, E, T>(
    result: &mut Result<Response<R>, E>,
    watching: &mut Option<T>,
) -> bool
where
    T: Ticket,
    E: 'static,
{
    let Some(ticket) = watching else { return false };
    match result {
        // The call is over, so the permit is released before the caller sees the error.
        Ok(response) => report(response, ticket),
        Err(error) => {
            ticket.handle_error(error);
            *watching = None;
            false
        }
    }
}

/// Reports the head; returns true if the trailers will carry the outcome.
#[inline]
fn report<R, T: Ticket>(response: &mut Response<R>, ticket: &mut T) -> bool {
    let hears = ticket.wants_outcome();
    let outcome = if hears {
        Outcome::of_response(response)
    } else {
        None
    };
    ticket.handle_response(response, outcome);
    hears && outcome.is_none()
}
