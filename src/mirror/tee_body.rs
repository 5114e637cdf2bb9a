use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::pipe::Feed;

/// The body of a request that may be copied while it is read.
///
/// It is the caller's, frame for frame and error for error, as fast as it comes: what the mirror cannot
/// follow is left out of the copy. Dropped before its end, it ends the copy.
#[pin_project]
#[derive(Debug)]
pub struct TeeBody<B> {
    // Boxed: most requests are not copied, and a body moves with its request.
    feed: Option<Box<Feed>>,
    #[pin]
    inner: B,
}

impl<B> TeeBody<B> {
    pub(super) const fn plain(inner: B) -> Self {
        Self { feed: None, inner }
    }

    pub(super) fn copied(inner: B, feed: Feed) -> Self {
        Self {
            feed: Some(Box::new(feed)),
            inner,
        }
    }
}

impl<B: Body> Body for TeeBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        let frame = frame.map(|f| f.map(|f| f.map_data(|mut d| d.copy_to_bytes(d.remaining()))));
        if let Some(mut feed) = this.feed.take() {
            match &frame {
                Some(Ok(frame)) => {
                    // hyper stops polling once `is_end_stream` holds, so `None` may never come.
                    if feed.push(frame, this.inner.is_end_stream()) {
                        *this.feed = Some(feed);
                    }
                }
                Some(Err(_)) => feed.break_off(),
                None => feed.end(),
            }
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
