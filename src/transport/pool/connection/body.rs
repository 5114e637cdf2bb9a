use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use pin_project::pin_project;

use super::lease::Lease;
use crate::foundation::body::body_enum;
use crate::foundation::outcome::{BoxError, LocalReplyBody};

body_enum! {
    /// Response body of a [`Pool`](super::super::Pool): an upstream body that releases its connection
    /// at its end, or a local reply.
    pub struct PoolBody of Source / SourceProj {
        LocalReply(LocalReplyBody) => |never| match never {},
        Upstream(LeasedBody),
    }
    type Error = hyper::Error;
    default LocalReply;
    where
}

impl PoolBody {
    pub(in crate::transport::pool) const fn local_reply(answer: LocalReplyBody) -> Self {
        Self(Source::LocalReply(answer))
    }

    pub(in crate::transport::pool) fn upstream(inner: Incoming, lease: Lease) -> Self {
        // A body that is already at its end may never be polled, so the lease ends here.
        let lease = if inner.is_end_stream() {
            lease.end();
            None
        } else {
            Some(lease)
        };
        Self(Source::Upstream(LeasedBody { inner, lease }))
    }
}

/// Body that releases its connection at its end.
#[pin_project]
#[derive(Debug)]
struct LeasedBody {
    #[pin]
    inner: Incoming,
    lease: Option<Lease>,
}

impl Body for LeasedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        let is_end = match &frame {
            None => true,
            Some(Ok(_)) => this.inner.is_end_stream(),
            // Not reusable after an error: dropping the lease closes an HTTP/1 connection.
            Some(Err(_)) => {
                drop(this.lease.take());
                false
            }
        };
        if is_end && let Some(lease) = this.lease.take() {
            lease.end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

body_enum! {
    /// Request body on a connection. A hyper connection has one body type, and a pool accepts any, so a
    /// body that is not empty is boxed.
    pub(in crate::transport::pool) struct Sent of SentSource / SentSourceProj {
        Boxed(UnsyncBoxBody<Bytes, BoxError>),
        Empty(Empty<Bytes>) => |never| match never {},
    }
    type Error = BoxError;
    where
}

impl Sent {
    pub(in crate::transport::pool) fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // Most requests have no body: no box for those.
        Self(if body.is_end_stream() {
            SentSource::Empty(Empty::new())
        } else {
            SentSource::Boxed(body.map_err(Into::into).boxed_unsync())
        })
    }
}
