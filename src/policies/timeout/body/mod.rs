pub(in crate::policies::timeout) mod limits;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::Elapsed;
use crate::foundation::body::body_enum;
use crate::foundation::http::GrpcStatus;
use crate::foundation::http::grpc::GRPC_STATUS;
use crate::foundation::outcome::{BoxError, LocalReplyBody};
use limits::CallLimits;

body_enum! {
    /// Response body under a timeout: the upstream's, or a local reply.
    ///
    /// A timeout ends it with the error [`Elapsed`]. The error type is [`BoxError`](crate::outcome::BoxError),
    /// whatever the upstream's is; the upstream's own errors are boxed unchanged.
    pub struct TimeoutBody<R> of Source / SourceProj {
        LocalReply(LocalReplyBody) => |never| match never {},
        Upstream(LimitedBody<R>),
    }
    type Error = BoxError;
    default LocalReply;
    where
        R: Body<Data = Bytes>,
        R::Error: Into<BoxError>,
}

impl<R> TimeoutBody<R> {
    pub(crate) const fn local_reply(answer: LocalReplyBody) -> Self {
        Self(Source::LocalReply(answer))
    }

    #[inline]
    pub(super) fn upstream(response: Response<R>, limits: &mut Option<CallLimits>) -> Response<Self>
    where
        R: Body,
    {
        let limits = limits.take_if(|limits| limits.start_body(&response));
        let (head, inner) = response.into_parts();
        Response::from_parts(head, Self::limited(inner, limits))
    }

    /// Wraps the body of a response in its limits, if there are any.
    #[inline]
    pub(crate) const fn limited(inner: R, limits: Option<CallLimits>) -> Self {
        // In one expression: a `match` would move the limits once more, 100 instructions.
        Self(Source::Upstream(LimitedBody {
            inner: Some(inner),
            limits,
        }))
    }
}

/// Body that a timeout may end.
#[pin_project]
#[derive(Debug)]
struct LimitedBody<R> {
    /// None once it has timed out: dropped at once, to cancel the upstream.
    #[pin]
    inner: Option<R>,
    /// None if nothing limits the body.
    limits: Option<CallLimits>,
}

impl<R> Body for LimitedBody<R>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.project();
        let Some(mut inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let Some(limits) = this.limits else {
            let frame = inner.poll_frame(cx);
            return frame.map(|frame| frame.map(|frame| frame.map_err(Into::into)));
        };
        let frame = {
            let _guard = limits.enter();
            inner.as_mut().poll_frame(cx)
        };
        // Before the timer: a frame that is ready wins.
        let elapsed = if let Poll::Ready(frame) = frame {
            if limits.admit_frame(frame.as_ref(), inner.is_end_stream()) {
                return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
            }
            Elapsed::Total(limits.length())
        } else {
            ready!(limits.poll_elapsed(cx))
        };
        limits.report_cut_off(elapsed);
        this.inner.set(None);
        Poll::Ready(Some(if limits.is_grpc() {
            // An error would reset the stream, and the caller see `INTERNAL` (as behind Envoy) or `UNKNOWN`.
            Ok(Frame::trailers(deadline_exceeded(elapsed)))
        } else {
            Err(elapsed.into())
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.inner.as_ref();
        inner.map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
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
