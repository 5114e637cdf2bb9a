pub(in crate::policies::retry) mod body;
pub(in crate::policies::retry) mod buffered_request;
pub(in crate::policies::retry) mod chunks;
pub(in crate::policies::retry) mod head;
pub(in crate::policies::retry) mod packed_headers;
pub(in crate::policies::retry) mod replay_buffer;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Empty;

use crate::foundation::body::{IntoBytes, body_enum};
use crate::foundation::outcome::BoxError;
use buffered_request::BufferedRequest;
use replay_buffer::ReplayCursor;

body_enum! {
    /// Body of a request that may have to be sent again.
    ///
    /// It streams. Data that one attempt has read is buffered, up to
    /// [`RetryPolicy::with_replay_limit`](super::RetryPolicy::with_replay_limit); a further attempt
    /// reads the buffer first and then the rest of the original, including trailers. A superseded
    /// attempt gets an error if it continues to read, so that no server takes half a request for a
    /// whole one. The body of a request that cannot be retried passes through unchanged.
    pub struct ReplayBody<B> of Source / SourceProj {
        Empty(Empty<Bytes>) => |never| match never {},
        Plain(IntoBytes<B>),
        Buffered(BufferedBody<B>),
    }
    type Error = BoxError;
    default Empty;
    where
        B: Body,
        B::Error: Into<BoxError>,
}

impl<B> ReplayBody<B> {
    pub(super) const fn empty() -> Self {
        Self(Source::Empty(Empty::new()))
    }

    pub(super) const fn plain(body: B) -> Self {
        Self(Source::Plain(IntoBytes::new(body)))
    }

    pub(super) const fn replayed(cursor: ReplayCursor, request: Arc<BufferedRequest<B>>) -> Self {
        Self(Source::Buffered(BufferedBody { request, cursor }))
    }
}

/// Body of one attempt: the buffer, and then the rest of the original.
#[derive(Debug)]
struct BufferedBody<B> {
    request: Arc<BufferedRequest<B>>,
    cursor: ReplayCursor,
}

impl<B> Body for BufferedBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    #[inline]
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        this.request.buffer().poll_frame(&mut this.cursor, cx)
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        self.request.buffer().is_end_stream(&self.cursor)
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        self.request.buffer().size_hint(&self.cursor)
    }
}
