use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use crate::foundation::outcome::LocalReplyBody;
use crate::policies::retry::budget::InFlightPermit;

/// Response body of [`Retry`](crate::policies::retry::Retry): the last attempt's, or the text of a
/// 504.
#[pin_project]
#[derive(Debug)]
pub struct RetryBody<R> {
    #[pin]
    source: Source<R>,
    /// Permit of the request, dropped with the body when the request is over.
    active: Option<InFlightPermit>,
}

#[pin_project(project = SourceProj)]
#[derive(Debug)]
enum Source<R> {
    LocalReply(LocalReplyBody),
    Upstream(#[pin] R),
}

impl<R> RetryBody<R> {
    pub(in crate::policies::retry) const fn local_reply(answer: LocalReplyBody) -> Self {
        Self {
            active: None,
            source: Source::LocalReply(answer),
        }
    }

    #[inline]
    pub(in crate::policies::retry) const fn upstream(
        body: R,
        active: Option<InFlightPermit>,
    ) -> Self {
        Self {
            active,
            source: Source::Upstream(body),
        }
    }
}

impl<R: Body<Data = Bytes>> Body for RetryBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        match self.project().source.project() {
            SourceProj::LocalReply(answer) => {
                Poll::Ready(answer.take().map(|b| Ok(Frame::data(b))))
            }
            SourceProj::Upstream(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::LocalReply(answer) => answer.is_end_stream(),
            Source::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::LocalReply(answer) => answer.size_hint(),
            Source::Upstream(body) => body.size_hint(),
        }
    }
}
