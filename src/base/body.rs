use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::{Answer, GrpcStatus, Outcome, Ticket};

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
    Answer(Answer),
    // Boxed: rare, and would be the largest.
    Refused(Box<Refused<T>>),
    Upstream {
        // Before its ticket, so that it is dropped first.
        #[pin]
        inner: R,
        watch: Watch<T>,
    },
}

/// An answer of a gate, watched by those outside it.
#[derive(Debug)]
struct Refused<T> {
    answer: Answer,
    ticket: Option<T>,
}

/// Who watches a body that is under way.
#[derive(Debug)]
pub(crate) struct Watch<T> {
    /// `None` if nobody does, or no more.
    ticket: Option<T>,
    /// The head of a gRPC response said nothing yet: its trailers will.
    undecided: bool,
}

impl<R, T> WatchedBody<R, T> {
    pub(crate) const fn answer(answer: Answer) -> Self {
        Self {
            source: Source::Answer(answer),
        }
    }

    /// Watches an answer of a gate for those outside it.
    pub(crate) fn refused(answer: Answer, ticket: T) -> Self {
        let ticket = Some(ticket);
        Self {
            source: Source::Refused(Box::new(Refused { answer, ticket })),
        }
    }

    /// Passes `inner` on, watched by nobody.
    pub(crate) const fn unwatched(inner: R) -> Self {
        Self::upstream(inner, Watch::new(None, false))
    }

    /// Passes `inner` on, watched if somebody wants to know.
    #[inline]
    pub(crate) const fn upstream(inner: R, watch: Watch<T>) -> Self {
        Self {
            source: Source::Upstream { inner, watch },
        }
    }
}

impl<T> Refused<T> {
    /// Returns the text, after which there is nothing; the head said how it turned out.
    #[cold]
    fn frame(&mut self) -> Option<Frame<Bytes>> {
        self.ticket = None;
        self.answer.take().map(Frame::data)
    }
}

impl<T> Watch<T> {
    /// Watches for `ticket`; `undecided` says that the trailers hold the outcome.
    #[inline]
    pub(crate) const fn new(ticket: Option<T>, undecided: bool) -> Self {
        Self { ticket, undecided }
    }
}

impl<T: Ticket> Watch<T> {
    /// Tells the ticket of a frame, and lets go of it at the end.
    #[inline]
    fn heed<E: 'static>(&mut self, frame: Option<&Result<Frame<Bytes>, E>>, last: bool) {
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
            ticket.broke(error, self.undecided);
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
            ticket.head(Outcome::Grpc(status));
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
            SourceProj::Answer(answer) => Poll::Ready(answer.take().map(|b| Ok(Frame::data(b)))),
            SourceProj::Refused(refused) => Poll::Ready(refused.frame().map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Upstream { inner, .. } => inner.is_end_stream(),
            Source::Answer(answer) => answer.is_end_stream(),
            Source::Refused(refused) => refused.answer.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Answer(answer) => answer.size_hint(),
            Source::Refused(refused) => refused.answer.size_hint(),
            Source::Upstream { inner, .. } => inner.size_hint(),
        }
    }
}

/// Polls for a frame, of which the ticket hears, if there is one.
#[inline]
fn poll_watched<R, T>(
    mut inner: Pin<&mut R>,
    watch: &mut Watch<T>,
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
        watch.heed(frame.as_ref(), inner.is_end_stream());
    }
    polled
}
