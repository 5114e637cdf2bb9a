use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use pin_project::pin_project;

/// Reads a response that nobody wants to its end: a connection whose response was not read is closed, and
/// the next try would have to open another.
#[pin_project]
pub(in crate::policies::retry) struct Drain<R> {
    #[pin]
    body: R,
    left: u64,
}

/// The most that is read; opening a connection is cheaper than reading more.
const BYTES: u64 = 64 * 1024;
/// The longest that is waited for the rest of a response, if the next try does not wait for longer.
pub(in crate::policies::retry) const TIME: Duration = Duration::from_millis(50);

impl<R: Body<Data = Bytes>> Drain<R> {
    /// Begins to read `body`; none if there is nothing to read, or too much.
    pub(in crate::policies::retry) fn new(body: R) -> Option<Self> {
        let worth_it = !body.is_end_stream() && body.size_hint().lower() <= BYTES;
        worth_it.then_some(Self { body, left: BYTES })
    }

    /// Is ready at the end of the body, or where it is not worth reading on.
    pub(in crate::policies::retry) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        loop {
            let Some(Ok(frame)) = ready!(this.body.as_mut().poll_frame(cx)) else {
                return Poll::Ready(());
            };
            let len = frame.data_ref().map_or(0, Bytes::len) as u64;
            // An empty frame costs a byte, or a body of nothing else would be read for ever.
            *this.left = this.left.saturating_sub(len.max(1));
            if *this.left == 0 || this.body.is_end_stream() {
                return Poll::Ready(());
            }
        }
    }
}
