use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::Ticket;
use crate::foundation::body::body_enum;
use crate::foundation::http::GrpcStatus;
use crate::foundation::outcome::{LocalReplyBody, Outcome};

body_enum! {
    /// Response body of a gated service: the upstream's body, observed to its end by the ticket of its
    /// request, or a local reply.
    pub struct WatchedBody<R, T> of Source / SourceProj {
        LocalReply(LocalReplyBody) => |never| match never {},
        // Boxed: rare, and it would be the largest variant.
        RejectedInside(Box<RejectedInside<T>>) => |never| match never {},
        Upstream(ObservedBody<R, T>),
    }
    type Error = R::Error;
    default LocalReply;
    where
        R: Body<Data = Bytes>,
        R::Error: 'static,
        T: Ticket,
}

/// Upstream's body with the observer of its end.
#[pin_project]
#[derive(Debug)]
struct ObservedBody<R, T> {
    // Declared before its ticket, so that it is dropped first: the upstream's resources are free before the
    // permit is.
    #[pin]
    inner: R,
    watch: BodyWatch<T>,
}

/// Local reply of an inner gate, observed by the ticket of the outer ones.
#[pin_project]
#[derive(Debug)]
struct RejectedInside<T> {
    reply: LocalReplyBody,
    ticket: Option<T>,
}

/// Observer of a response body in flight.
#[derive(Debug)]
pub(crate) struct BodyWatch<T> {
    /// Ticket of the request; `None` if the body is not observed, or no longer.
    ticket: Option<T>,
    /// True while the outcome is open: the head of a gRPC response had no status, so the trailers
    /// carry it.
    undecided: bool,
}

impl<R, T> WatchedBody<R, T> {
    pub(crate) const fn local_reply(answer: LocalReplyBody) -> Self {
        Self(Source::LocalReply(answer))
    }

    /// Creates the local reply of an inner gate, observed by the outer gates' `ticket`.
    pub(crate) fn rejected_inside(answer: LocalReplyBody, ticket: T) -> Self {
        let ticket = Some(ticket);
        Self(Source::RejectedInside(Box::new(RejectedInside {
            reply: answer,
            ticket,
        })))
    }

    /// Forwards `inner` without observing it.
    pub(crate) const fn unwatched(inner: R) -> Self {
        Self::upstream(inner, BodyWatch::new(None, false))
    }

    /// Forwards `inner`, observed if `watch` has a ticket.
    #[inline]
    pub(crate) const fn upstream(inner: R, watch: BodyWatch<T>) -> Self {
        Self(Source::Upstream(ObservedBody { inner, watch }))
    }
}

impl<T: Ticket> Body for RejectedInside<T> {
    type Data = Bytes;
    type Error = Infallible;

    /// Returns the text as the only frame. The outcome was reported with the head.
    #[cold]
    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.project();
        let text = this.reply.take();
        if let (Some(ticket), Some(text)) = (this.ticket.as_mut(), &text) {
            ticket.on_data(text);
        }
        *this.ticket = None;
        Poll::Ready(text.map(|text| Ok(Frame::data(text))))
    }

    fn is_end_stream(&self) -> bool {
        self.reply.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.reply.size_hint()
    }
}

impl<T> BodyWatch<T> {
    /// Creates an observer for `ticket`; `undecided` if the trailers carry the outcome.
    #[inline]
    pub(crate) const fn new(ticket: Option<T>, undecided: bool) -> Self {
        Self { ticket, undecided }
    }
}

impl<T: Ticket> BodyWatch<T> {
    /// Reports a frame to the ticket, and drops the ticket at the end of the body.
    #[inline]
    fn observe_frame<E: 'static>(&mut self, frame: Option<&Result<Frame<Bytes>, E>>, last: bool) {
        match frame {
            Some(Err(error)) => self.failed(error),
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref()
                    && let Some(ticket) = &mut self.ticket
                {
                    ticket.on_data(data);
                }
                if self.undecided
                    && let Some(trailers) = frame.trailers_ref()
                {
                    self.trailers(trailers);
                }
                if !last {
                    return;
                }
                self.ended();
            }
            None => self.ended(),
        }
        // Cleared in place: the ticket of several gates is large, and taking it out would move it.
        self.ticket = None;
    }

    #[cold]
    fn failed<E: 'static>(&mut self, error: &E) {
        if let Some(ticket) = &mut self.ticket {
            ticket.handle_body_error(error, self.undecided);
        }
    }

    #[cold]
    fn trailers(&mut self, trailers: &HeaderMap) {
        let status = GrpcStatus::from_headers(trailers);
        self.decide(status.unwrap_or(GrpcStatus::UNKNOWN));
    }

    /// Settles a gRPC stream that ended without a status: a protocol error, `UNKNOWN` in gRPC.
    #[inline]
    fn ended(&mut self) {
        if self.undecided {
            self.decide(GrpcStatus::UNKNOWN);
        }
    }

    #[cold]
    fn decide(&mut self, status: GrpcStatus) {
        self.undecided = false;
        if let Some(ticket) = &mut self.ticket {
            ticket.on_outcome(Outcome::Grpc(status));
        }
    }
}

impl<R, T> Body for ObservedBody<R, T>
where
    R: Body<Data = Bytes>,
    R::Error: 'static,
    T: Ticket,
{
    type Data = Bytes;
    type Error = R::Error;

    /// Polls for a frame and reports it to the ticket, if there is one.
    #[inline]
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        let mut this = self.project();
        // Inspected in place: a frame is 96 bytes, and a match by value would move it.
        let polled = this.inner.as_mut().poll_frame(cx);
        if this.watch.ticket.is_some()
            && let Poll::Ready(frame) = &polled
        {
            // hyper stops polling once `is_end_stream` holds, so `None` may never come.
            this.watch
                .observe_frame(frame.as_ref(), this.inner.is_end_stream());
        }
        polled
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
