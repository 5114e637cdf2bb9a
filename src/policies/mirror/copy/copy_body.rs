use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::pipe::{Message, Receiver};

/// Body of a copy: the frames that the original's body yields, as they arrive.
///
/// It ends with an error if the copy is cancelled, so that no server takes half a request for a
/// whole one.
#[derive(Debug)]
pub struct CopyBody {
    hint: SizeHint,
    /// None once the body ended.
    receiver: Option<Receiver>,
}

/// Error of a copy that was cancelled before all of the request was sent.
#[derive(Debug, thiserror::Error)]
#[error("the mirrored request was cancelled")]
pub struct MirrorAborted(());

impl CopyBody {
    pub(in crate::policies::mirror) fn empty() -> Self {
        Self {
            hint: SizeHint::with_exact(0),
            receiver: None,
        }
    }

    pub(in crate::policies::mirror) const fn streamed(hint: SizeHint, receiver: Receiver) -> Self {
        Self {
            hint,
            receiver: Some(receiver),
        }
    }
}

impl Default for CopyBody {
    fn default() -> Self {
        Self::empty()
    }
}

impl Body for CopyBody {
    type Data = Bytes;
    type Error = MirrorAborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, MirrorAborted>>> {
        let Some(receiver) = &mut self.receiver else {
            return Poll::Ready(None);
        };
        let message = ready!(receiver.poll(cx));
        if !matches!(message, Some(Message::Frame { last: false, .. })) {
            self.receiver = None;
        }
        Poll::Ready(match message {
            Some(Message::End) => None,
            Some(Message::Frame { charge, frame, .. }) => {
                // Released first: the frame no longer waits in the pipe.
                drop(charge);
                let len = frame.data_ref().map_or(0, Bytes::len);
                self.hint = less(&self.hint, len as u64);
                Some(Ok(frame))
            }
            None => Some(Err(MirrorAborted(()))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.receiver.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

/// Returns the hint for the rest after `len` bytes.
fn less(hint: &SizeHint, len: u64) -> SizeHint {
    let mut rest = SizeHint::new();
    rest.set_lower(hint.lower().saturating_sub(len));
    if let Some(upper) = hint.upper() {
        rest.set_upper(upper.saturating_sub(len));
    }
    rest
}
