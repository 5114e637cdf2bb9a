use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::pipe::Sender;
use crate::foundation::body::frame_into_bytes;

/// Request body that may be copied while it is read.
///
/// It yields the caller's frames and errors, at the caller's speed: a mirror that cannot keep up
/// loses its copy. Dropping it before its end cancels the copy.
#[pin_project]
#[derive(Debug)]
pub struct TeeBody<B> {
    // Boxed: most requests are not copied, and the body is moved with its request.
    sender: Option<Box<Sender>>,
    #[pin]
    inner: B,
}

impl<B> TeeBody<B> {
    pub(in crate::policies::mirror) const fn plain(inner: B) -> Self {
        Self {
            sender: None,
            inner,
        }
    }

    pub(in crate::policies::mirror) fn copied(inner: B, sender: Sender) -> Self {
        Self {
            sender: Some(Box::new(sender)),
            inner,
        }
    }
}

impl<B: Default> Default for TeeBody<B> {
    fn default() -> Self {
        Self::plain(B::default())
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
        let frame = frame.map(|frame| frame.map(frame_into_bytes));
        // Put back only if more frames are wanted.
        if let Some(mut sender) = this.sender.take() {
            match &frame {
                Some(Ok(frame)) => {
                    // hyper stops polling once `is_end_stream` holds, so `None` may never come.
                    if sender.push(frame, this.inner.is_end_stream()) {
                        *this.sender = Some(sender);
                    }
                }
                Some(Err(_)) => sender.break_off(),
                None => sender.end(),
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
