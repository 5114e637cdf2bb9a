use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::{Answer, Failure, GrpcStatus, Outcome, Ticket};

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
    Upstream {
        #[pin]
        inner: R,
        watch: Option<Watch<T>>,
    },
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

    /// Watches `inner`; `undecided` says that its trailers hold the outcome.
    pub(crate) const fn upstream(inner: R, ticket: T, undecided: bool) -> Self {
        let watch = Some(Watch { undecided, ticket });
        Self {
            source: Source::Upstream { inner, watch },
        }
    }
}

impl<T: Ticket> Watch<T> {
    fn failed<E: 'static>(mut self, error: &E) {
        if !self.ticket.hears_outcome() {
            return;
        }
        let failure = match self.ticket.recognize(error) {
            Failure::Timeout => Failure::Timeout,
            _ => Failure::Body,
        };
        if self.undecided {
            self.undecided = false;
            self.ticket.head(Outcome::Failed(failure));
        } else {
            self.ticket.broken(failure);
        }
    }

    fn trailers(&mut self, trailers: &HeaderMap) {
        if self.undecided {
            self.undecided = false;
            let status = GrpcStatus::from_headers(trailers).unwrap_or(GrpcStatus::UNKNOWN);
            self.ticket.head(Outcome::Grpc(status));
        }
    }

    /// A gRPC stream that ended without a status is a protocol error, which gRPC calls `UNKNOWN`.
    fn ended(mut self) {
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
            SourceProj::Upstream { mut inner, watch } => {
                let frame = ready!(inner.as_mut().poll_frame(cx));
                match &frame {
                    Some(Err(error)) => {
                        if let Some(watch) = watch.take() {
                            watch.failed(error);
                        }
                    }
                    Some(Ok(frame)) => {
                        if let (Some(watch), Some(trailers)) = (&mut *watch, frame.trailers_ref()) {
                            watch.trailers(trailers);
                        }
                        // hyper stops polling once `is_end_stream` holds, so `None` may never come.
                        if inner.is_end_stream() {
                            end(watch);
                        }
                    }
                    None => end(watch),
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Answer(answer) => answer.is_end_stream(),
            Source::Upstream { inner, .. } => inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Answer(answer) => answer.size_hint(),
            Source::Upstream { inner, .. } => inner.size_hint(),
        }
    }
}

fn end<T: Ticket>(watch: &mut Option<Watch<T>>) {
    if let Some(watch) = watch.take() {
        watch.ended();
    }
}
