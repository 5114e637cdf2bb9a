use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use pin_project::pin_project;

/// Reads a discarded response to its end: a connection with an unread response is closed, and the
/// next attempt would have to open another.
#[pin_project]
pub(in crate::policies::retry) struct Drain<R> {
    #[pin]
    body: R,
    left: u64,
}

/// Limit on the bytes that are read; opening a connection is cheaper than reading more.
const BYTES: u64 = 64 * 1024;
/// Limit on the time for the rest of a response, unless the wait for the next attempt is longer.
pub(in crate::policies::retry) const TIME: Duration = Duration::from_millis(50);

impl<R: Body<Data = Bytes>> Drain<R> {
    /// Starts to read `body`; returns none if there is nothing to read, or too much.
    pub(in crate::policies::retry) fn new(body: R) -> Option<Self> {
        let worth_it = !body.is_end_stream() && body.size_hint().lower() <= BYTES;
        worth_it.then_some(Self { body, left: BYTES })
    }

    /// Becomes ready at the end of the body, or when reading on is not worthwhile.
    pub(in crate::policies::retry) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        loop {
            let Some(Ok(frame)) = ready!(this.body.as_mut().poll_frame(cx)) else {
                return Poll::Ready(());
            };
            let len = frame.data_ref().map_or(0, Bytes::len) as u64;
            // An empty frame counts as a byte; a body of empty frames alone would otherwise be read
            // for ever.
            *this.left = this.left.saturating_sub(len.max(1));
            if *this.left == 0 || this.body.is_end_stream() {
                return Poll::Ready(());
            }
        }
    }
}
