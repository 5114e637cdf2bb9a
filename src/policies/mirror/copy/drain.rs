use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::Body;
use pin_project::pin_project;

use super::pipe::Progress;

/// Reads a discarded response, so that its connection can be reused.
#[pin_project]
pub(in crate::policies::mirror) struct Drain<C> {
    #[pin]
    body: C,
    left: usize,
    /// Progress of the request body; none if it has no body.
    progress: Option<Progress>,
}

/// Limit on the bytes that are read after the request is sent; opening a connection is cheaper than
/// reading more. Before that there is no limit: a client that stops reading would cut the request
/// off.
const BYTES: usize = 64 * 1024;
/// Frames read before the task yields: a body that is always ready would otherwise keep the thread.
const FRAMES: usize = 32;

/// Returns true if the mirror has read the whole request; without a body that is so from the start.
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
                // An empty frame counts as a byte; a body of empty frames alone would otherwise be
                // read for ever.
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
