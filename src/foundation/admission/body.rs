use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::Ticket;
use crate::foundation::http::GrpcStatus;
use crate::foundation::outcome::{LocalReplyBody, Outcome};

/// The body of a response that went through a layer: the upstream's, watched to its end by the
/// ticket of its request, or an answer of the layer's own.
#[pin_project]
#[derive(Debug)]
pub struct WatchedBody<R, T> {
    #[pin]
    source: Source<R, T>,
}

#[pin_project(project = SourceProj)]
#[derive(Debug)]
enum Source<R, T> {
    LocalReply(LocalReplyBody),
    // Boxed: rare, and would be the largest.
    RejectedInside(Box<RejectedInside<T>>),
    Upstream {
        // Before its ticket, so that it is dropped first.
        #[pin]
        inner: R,
        watch: BodyWatch<T>,
    },
}

/// An answer of a gate, watched by those outside it.
#[derive(Debug)]
struct RejectedInside<T> {
    reply: LocalReplyBody,
    ticket: Option<T>,
}

/// Who watches a body that is under way.
#[derive(Debug)]
pub(crate) struct BodyWatch<T> {
    /// `None` if nobody does, or no more.
    ticket: Option<T>,
    /// The head of a gRPC response said nothing yet: its trailers will.
    undecided: bool,
}

impl<R, T> WatchedBody<R, T> {
    pub(crate) const fn local_reply(answer: LocalReplyBody) -> Self {
        Self {
            source: Source::LocalReply(answer),
        }
    }

    /// Watches an answer of a gate for those outside it.
    pub(crate) fn rejected_inside(answer: LocalReplyBody, ticket: T) -> Self {
        let ticket = Some(ticket);
        Self {
            source: Source::RejectedInside(Box::new(RejectedInside {
                reply: answer,
                ticket,
            })),
        }
    }

    /// Passes `inner` on, watched by nobody.
    pub(crate) const fn unwatched(inner: R) -> Self {
        Self::upstream(inner, BodyWatch::new(None, false))
    }

    /// Passes `inner` on, watched if somebody wants to know.
    #[inline]
    pub(crate) const fn upstream(inner: R, watch: BodyWatch<T>) -> Self {
        Self {
            source: Source::Upstream { inner, watch },
        }
    }
}

impl<T> RejectedInside<T> {
    /// Returns the text, after which there is nothing; the head said how it turned out.
    #[cold]
    fn frame(&mut self) -> Option<Frame<Bytes>> {
        self.ticket = None;
        self.reply.take().map(Frame::data)
    }
}

impl<T> BodyWatch<T> {
    /// Watches for `ticket`; `undecided` says that the trailers hold the outcome.
    #[inline]
    pub(crate) const fn new(ticket: Option<T>, undecided: bool) -> Self {
        Self { ticket, undecided }
    }
}

impl<T: Ticket> BodyWatch<T> {
    /// Tells the ticket of a frame, and lets go of it at the end.
    #[inline]
    fn observe_frame<E: 'static>(&mut self, frame: Option<&Result<Frame<Bytes>, E>>, last: bool) {
        match frame {
            Some(Err(error)) => self.failed(error),
            Some(Ok(frame)) => {
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
        // Where it lies: a ticket of several gates is large.
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

    /// A gRPC stream that ended without a status is a protocol error, which gRPC calls `UNKNOWN`.
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

impl<R, T> Body for WatchedBody<R, T>
where
    R: Body<Data = Bytes>,
    R::Error: 'static,
    T: Ticket,
{
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        match self.project().source.project() {
            SourceProj::Upstream { inner, watch } => poll_watched(inner, watch, cx),
            SourceProj::LocalReply(answer) => {
                Poll::Ready(answer.take().map(|b| Ok(Frame::data(b))))
            }
            SourceProj::RejectedInside(refused) => Poll::Ready(refused.frame().map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Upstream { inner, .. } => inner.is_end_stream(),
            Source::LocalReply(answer) => answer.is_end_stream(),
            Source::RejectedInside(refused) => refused.reply.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::LocalReply(answer) => answer.size_hint(),
            Source::RejectedInside(refused) => refused.reply.size_hint(),
            Source::Upstream { inner, .. } => inner.size_hint(),
        }
    }
}

/// Polls for a frame, of which the ticket hears, if there is one.
#[inline]
fn poll_watched<R, T>(
    mut inner: Pin<&mut R>,
    watch: &mut BodyWatch<T>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, R::Error>>>
where
    R: Body<Data = Bytes>,
    R::Error: 'static,
    T: Ticket,
{
    // Looked at where it lies: a frame is 96 bytes.
    let polled = inner.as_mut().poll_frame(cx);
    if watch.ticket.is_some()
        && let Poll::Ready(frame) = &polled
    {
        // hyper stops polling once `is_end_stream` holds, so `None` may never come.
        watch.observe_frame(frame.as_ref(), inner.is_end_stream());
    }
    polled
}
