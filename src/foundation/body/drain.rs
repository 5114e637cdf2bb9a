use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::Body;
use pin_project::pin_project;

/// Reads a discarded response to its end: a connection with an unread response is closed, and the next request
/// would have to open another.
#[pin_project]
#[derive(Debug)]
pub(crate) struct Drain<B> {
    #[pin]
    body: B,
    left: u64,
}

/// Limit on the bytes that are read; opening a connection is cheaper than reading more.
const BYTES: u64 = 64 * 1024;
/// Frames read before the task yields: a body that is always ready would otherwise keep the thread.
const FRAMES: usize = 32;

impl<B: Body> Drain<B> {
    pub(crate) const fn new(body: B) -> Self {
        Self { body, left: BYTES }
    }

    /// True if there is something to read, and not known to be too much.
    pub(crate) fn is_worthwhile(&self) -> bool {
        !self.body.is_end_stream() && self.body.size_hint().lower() <= BYTES
    }

    /// Becomes ready at the end of the body, with its error, or when reading on is not worthwhile.
    ///
    /// Bytes count towards the limit while `counts` returns true.
    pub(crate) fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        counts: impl Fn() -> bool,
    ) -> Poll<Result<(), B::Error>> {
        let mut this = self.project();
        for _ in 0..FRAMES {
            if this.body.is_end_stream() {
                return Poll::Ready(Ok(()));
            }
            let Some(frame) = ready!(this.body.as_mut().poll_frame(cx)?) else {
                return Poll::Ready(Ok(()));
            };
            if counts() {
                // An empty frame counts as a byte; a body of empty frames alone would otherwise be read for ever.
                let len = frame.data_ref().map_or(0, Buf::remaining).max(1);
                *this.left = this.left.saturating_sub(len as u64);
            }
            if *this.left == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::pin;
    use std::task::Waker;

    use bytes::Bytes;
    use http_body::Frame;

    use super::*;

    /// Body of frames that are all ready.
    struct Frames(VecDeque<usize>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let next = self.0.pop_front();
            Poll::Ready(next.map(|len| Ok(Frame::data(Bytes::from(vec![0; len])))))
        }
    }

    /// Returns the number of polls and of frames left when reading ends.
    fn read(frames: impl IntoIterator<Item = usize>, counts: bool) -> (usize, usize) {
        let mut drain = pin!(Drain::new(Frames(frames.into_iter().collect())));
        let mut cx = Context::from_waker(Waker::noop());
        let mut polls = 1;
        while drain.as_mut().poll_read(&mut cx, || counts).is_pending() {
            polls += 1;
        }
        (polls, drain.body.0.len())
    }

    #[test]
    fn reading_stops_at_the_end_or_the_limit_and_yields_on_the_way() {
        assert_eq!(read([1, 1], true), (1, 0));
        assert_eq!(read([32 * 1024; 9], true), (1, 7));
        assert_eq!(read([32 * 1024; 9], false), (1, 0));
        assert_eq!(read([0; 100], true), (4, 0));
    }
}
