pub(in crate::policies::retry) mod body;
pub(in crate::policies::retry) mod buffered_request;
pub(in crate::policies::retry) mod chunks;
pub(in crate::policies::retry) mod drain;
pub(in crate::policies::retry) mod head;
pub(in crate::policies::retry) mod packed_headers;
pub(in crate::policies::retry) mod replay_buffer;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use crate::foundation::outcome::BoxError;
use buffered_request::BufferedRequest;
use replay_buffer::ReplayCursor;

/// Body of a request that may have to be sent again.
///
/// It streams. Data that one attempt has read is buffered, up to
/// [`RetryPolicy::with_replay_limit`](super::RetryPolicy::with_replay_limit); a further attempt
/// reads the buffer first and then the rest of the original, including trailers. A superseded
/// attempt gets an error if it continues to read, so that no server takes half a request for a
/// whole one. The body of a request that cannot be retried passes through unchanged.
#[pin_project]
#[derive(Debug)]
pub struct ReplayBody<B> {
    #[pin]
    source: Source<B>,
}

#[pin_project(project = SourceProj)]
#[derive(Debug)]
enum Source<B> {
    Empty,
    Plain(#[pin] B),
    Buffered {
        request: Arc<BufferedRequest<B>>,
        cursor: ReplayCursor,
    },
}

impl<B> ReplayBody<B> {
    pub(super) const fn empty() -> Self {
        Self {
            source: Source::Empty,
        }
    }

    pub(super) const fn plain(body: B) -> Self {
        Self {
            source: Source::Plain(body),
        }
    }

    pub(super) const fn replayed(reader: ReplayCursor, kept: Arc<BufferedRequest<B>>) -> Self {
        Self {
            source: Source::Buffered {
                request: kept,
                cursor: reader,
            },
        }
    }
}

impl<B> Body for ReplayBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().source.project() {
            SourceProj::Empty => Poll::Ready(None),
            SourceProj::Plain(body) => body.poll_frame(cx).map(|frame| {
                let frame = frame?.map_err(Into::into);
                Some(frame.map(|f| f.map_data(|mut data| data.copy_to_bytes(data.remaining()))))
            }),
            SourceProj::Buffered {
                request: kept,
                cursor: reader,
            } => kept.buffer().poll_frame(reader, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Plain(body) => body.is_end_stream(),
            Source::Buffered {
                request: kept,
                cursor: reader,
            } => kept.buffer().is_end_stream(reader),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Plain(body) => body.size_hint(),
            Source::Buffered {
                request: kept,
                cursor: reader,
            } => kept.buffer().size_hint(reader),
        }
    }
}
