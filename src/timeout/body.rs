use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::Elapsed;
use super::limits::Limits;
use crate::base::grpc::GRPC_STATUS;
use crate::base::{Answer, BoxError, GrpcStatus};

/// The body of a response under a timeout: the upstream's, or our own answer.
///
/// It ends with the error [`Elapsed`] when its time is over. The error type is the common
/// [`BoxError`](crate::BoxError), whatever the upstream's is; the upstream's own errors are inside
/// unchanged.
#[pin_project]
#[derive(Debug)]
pub struct TimeoutBody<R> {
    #[pin]
    source: Source<R>,
}

#[pin_project(project = SourceProj)]
#[derive(Debug)]
enum Source<R> {
    Answer(Answer),
    /// Its time was over, and the upstream's body was let go.
    Cut,
    Upstream {
        #[pin]
        inner: R,
        /// None if nothing limits the body.
        limits: Option<Limits>,
    },
}

impl<R> TimeoutBody<R> {
    pub(crate) const fn answer(answer: Answer) -> Self {
        Self {
            source: Source::Answer(answer),
        }
    }

    #[inline]
    pub(super) fn upstream(response: Response<R>, limits: &mut Option<Limits>) -> Response<Self>
    where
        R: Body,
    {
        let limits = limits.take_if(|limits| limits.go_over(&response));
        let (head, inner) = response.into_parts();
        Response::from_parts(head, Self::limited(inner, limits))
    }

    /// The body of a response under what limits that.
    #[inline]
    pub(crate) const fn limited(inner: R, limits: Option<Limits>) -> Self {
        let source = Source::Upstream { inner, limits };
        Self { source }
    }
}

impl<R> Body for TimeoutBody<R>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let (elapsed, is_grpc) = match self.as_mut().project().source.project() {
            SourceProj::Answer(answer) => {
                return Poll::Ready(answer.take().map(|text| Ok(Frame::data(text))));
            }
            SourceProj::Cut => return Poll::Ready(None),
            SourceProj::Upstream { mut inner, limits } => {
                let Some(limits) = limits else {
                    let frame = inner.poll_frame(cx);
                    return frame.map(|frame| frame.map(|frame| frame.map_err(Into::into)));
                };
                let frame = {
                    let _guard = limits.enter();
                    inner.as_mut().poll_frame(cx)
                };
                // Before the timer: a frame that is there wins.
                let elapsed = if let Poll::Ready(frame) = frame {
                    if limits.passes(frame.as_ref(), inner.is_end_stream()) {
                        return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
                    }
                    Elapsed::Total(limits.length())
                } else {
                    ready!(limits.poll_elapsed(cx))
                };
                limits.cut(elapsed);
                (elapsed, limits.is_grpc())
            }
        };
        // Lets go of the upstream at once, as its own timeout would.
        self.project().source.set(Source::Cut);
        Poll::Ready(Some(if is_grpc {
            // An error would reset the stream, and the caller see `INTERNAL` (as behind Envoy) or `UNKNOWN`.
            Ok(Frame::trailers(deadline_exceeded(elapsed)))
        } else {
            Err(elapsed.into())
        }))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Answer(answer) => answer.is_end_stream(),
            Source::Cut => true,
            Source::Upstream { inner, .. } => inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Answer(answer) => answer.size_hint(),
            Source::Cut => SizeHint::with_exact(0),
            Source::Upstream { inner, .. } => inner.size_hint(),
        }
    }
}

/// Returns the trailers of a gRPC response whose time is over.
#[cold]
fn deadline_exceeded(elapsed: Elapsed) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert(&GRPC_STATUS, GrpcStatus::DEADLINE_EXCEEDED.to_header());
    if let Ok(text) = HeaderValue::try_from(elapsed.to_string()) {
        trailers.insert(HeaderName::from_static("grpc-message"), text);
    }
    trailers
}
