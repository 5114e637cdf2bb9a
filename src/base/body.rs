use std::pin::Pin;
use std::task::{Context, Poll, ready};

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
        watch: Option<Watch<T>>,
    },
}

/// An answer of a gate, watched by those outside it.
#[derive(Debug)]
struct Refused<T> {
    answer: Answer,
    ticket: Option<T>,
}

/// A ticket whose body is under way.
#[derive(Debug)]
struct Watch<T> {
    /// The head of a gRPC response said nothing yet: its trailers will.
    undecided: bool,
    ticket: T,
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

    /// Watches `inner`; `undecided` says that its trailers hold the outcome.
    #[inline]
    pub(crate) const fn upstream(inner: R, ticket: T, undecided: bool) -> Self {
        let watch = Some(Watch { undecided, ticket });
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

impl<T: Ticket> Watch<T> {
    fn failed<E: 'static>(&mut self, error: &E) {
        self.ticket.broke(error, self.undecided);
    }

    fn trailers(&mut self, trailers: &HeaderMap) {
        if self.undecided {
            self.undecided = false;
            let status = GrpcStatus::from_headers(trailers).unwrap_or(GrpcStatus::UNKNOWN);
            self.ticket.head(Outcome::Grpc(status));
        }
    }

    /// A gRPC stream that ended without a status is a protocol error, which gRPC calls `UNKNOWN`.
    fn ended(&mut self) {
        if self.undecided {
            self.undecided = false;
            self.ticket.head(Outcome::Grpc(GrpcStatus::UNKNOWN));
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
            SourceProj::Answer(answer) => Poll::Ready(answer.take().map(|b| Ok(Frame::data(b)))),
            SourceProj::Refused(refused) => Poll::Ready(refused.frame().map(Ok)),
            SourceProj::Upstream { mut inner, watch } => {
                let frame = ready!(inner.as_mut().poll_frame(cx));
                // hyper stops polling once `is_end_stream` holds, so `None` may never come.
                heed(watch, frame.as_ref(), inner.is_end_stream());
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Answer(answer) => answer.is_end_stream(),
            Source::Refused(refused) => refused.answer.is_end_stream(),
            Source::Upstream { inner, .. } => inner.is_end_stream(),
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

/// Tells the ticket of a frame, and lets go of it at the end.
#[inline]
fn heed<T: Ticket, E: 'static>(
    watch: &mut Option<Watch<T>>,
    frame: Option<&Result<Frame<Bytes>, E>>,
    last: bool,
) {
    let Some(heard) = watch else { return };
    match frame {
        Some(Err(error)) => heard.failed(error),
        Some(Ok(frame)) => {
            if let Some(trailers) = frame.trailers_ref() {
                heard.trailers(trailers);
            }
            if !last {
                return;
            }
            heard.ended();
        }
        None => heard.ended(),
    }
    // Where it lies: a ticket of several gates is large.
    *watch = None;
}
