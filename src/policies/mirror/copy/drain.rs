use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::Body;
use pin_project::pin_project;

use super::pipe::Progress;

/// Reads a response that nobody wants, so that its connection can be used again.
#[pin_project]
pub(in crate::policies::mirror) struct Drain<C> {
    #[pin]
    body: C,
    left: usize,
    /// Of the request; none if it has no body.
    progress: Option<Progress>,
}

/// The most that is read once the request is through; opening a connection is cheaper than reading
/// more. Before, a client that stops reading would cut the request off.
const BYTES: usize = 64 * 1024;
/// After so many frames others have their turn: a body that is all there would keep the thread.
const FRAMES: usize = 32;

/// Says that the mirror has all of a request; one without a body it has from the beginning.
pub(in crate::policies::mirror) fn is_through(progress: Option<&Progress>) -> bool {
    progress.is_none_or(Progress::is_through)
}

impl<C> Drain<C> {
    pub(in crate::policies::mirror) const fn new(body: C, progress: Option<Progress>) -> Self {
        Self {
            body,
            left: BYTES,
            progress,
        }
    }
}

impl<C: Body> Future for Drain<C> {
    type Output = Result<(), C::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        for _ in 0..FRAMES {
            if this.body.is_end_stream() {
                return Poll::Ready(Ok(()));
            }
            let Some(frame) = ready!(this.body.as_mut().poll_frame(cx)?) else {
                return Poll::Ready(Ok(()));
            };
            if is_through(this.progress.as_ref()) {
                // An empty frame costs a byte, or a body of nothing else would be read for ever.
                let len = frame.data_ref().map_or(0, Buf::remaining).max(1);
                *this.left = this.left.saturating_sub(len);
            }
            if *this.left == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
