use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use pin_project::pin_project;

use super::lease::Lease;
use crate::foundation::outcome::{BoxError, LocalReplyBody};

/// Response body of a [`Pool`](super::super::Pool): an upstream body that releases its connection
/// at its end, or a local reply.
#[pin_project]
#[derive(Debug)]
pub struct PoolBody(#[pin] Source);

#[pin_project(project = SourceProj)]
#[derive(Debug)]
enum Source {
    LocalReply(LocalReplyBody),
    Upstream {
        #[pin]
        inner: Incoming,
        lease: Option<Lease>,
    },
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
        Self(Source::Upstream { inner, lease })
    }
}

impl Body for PoolBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.project().0.project() {
            SourceProj::LocalReply(answer) => {
                Poll::Ready(answer.take().map(|b| Ok(Frame::data(b))))
            }
            SourceProj::Upstream { mut inner, lease } => {
                let frame = ready!(inner.as_mut().poll_frame(cx));
                let is_end = match &frame {
                    None => true,
                    Some(Ok(_)) => inner.is_end_stream(),
                    // Not reusable after an error: dropping the lease closes an HTTP/1 connection.
                    Some(Err(_)) => {
                        drop(lease.take());
                        false
                    }
                };
                if is_end && let Some(lease) = lease.take() {
                    lease.end();
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::LocalReply(answer) => answer.is_end_stream(),
            Source::Upstream { inner, .. } => inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::LocalReply(answer) => answer.size_hint(),
            Source::Upstream { inner, .. } => inner.size_hint(),
        }
    }
}

/// Request body on a connection. A hyper connection has one body type, and a pool accepts any, so a
/// body that is not empty is boxed.
pub(in crate::transport::pool) enum Sent {
    Boxed(UnsyncBoxBody<Bytes, BoxError>),
    Empty,
}

impl Sent {
    pub(in crate::transport::pool) fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // Most requests have no body: no box for those.
        if body.is_end_stream() {
            return Self::Empty;
        }
        Self::Boxed(body.map_err(Into::into).boxed_unsync())
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            Self::Boxed(body) => Pin::new(body).poll_frame(cx),
            Self::Empty => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Boxed(body) => body.is_end_stream(),
            Self::Empty => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Boxed(body) => body.size_hint(),
            Self::Empty => SizeHint::with_exact(0),
        }
    }
}

impl Debug for Sent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Boxed(_) => "Boxed",
            Self::Empty => "Empty",
        };
        f.debug_tuple("Sent").field(&name).finish()
    }
}
