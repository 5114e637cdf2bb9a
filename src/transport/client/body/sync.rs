use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use sync_wrapper::SyncWrapper;

/// A body made `Sync`, which reqwest requires: the wrapper allows no shared access to the inner
/// body.
///
/// For that reason `is_end_stream` and `size_hint` are recorded after each poll.
#[pin_project]
pub(in crate::transport::client) struct SyncBody<B> {
    // Copies, since the trait's methods take `&self` and `SyncWrapper` gives access by `&mut` only.
    ended: bool,
    #[pin]
    inner: SyncWrapper<B>,
    size: SizeHint,
}

impl<B: Body> SyncBody<B> {
    pub(in crate::transport::client) fn new(inner: B) -> Self {
        Self {
            ended: inner.is_end_stream(),
            size: inner.size_hint(),
            inner: SyncWrapper::new(inner),
        }
    }
}

impl<B: Body<Data = Bytes>> Body for SyncBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let mut inner = this.inner.get_pin_mut();
        let frame = ready!(inner.as_mut().poll_frame(cx));
        *this.ended = inner.is_end_stream();
        *this.size = inner.size_hint();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        self.size
    }
}
