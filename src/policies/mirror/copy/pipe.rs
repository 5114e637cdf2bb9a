//! Pipe of a body from the original to its copy; the original's side never waits.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::foundation::outcome::MirrorDropReason;
use crate::foundation::sync::primitives::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::policies::mirror::counts::Counts;
use crate::policies::mirror::machine::{Limits, weight};

/// New pipe with both of its ends.
#[derive(Debug)]
pub(in crate::policies::mirror) struct Pipe {
    /// End on the original's side.
    pub(in crate::policies::mirror) sender: Sender,
    /// End on the mirror's side.
    pub(in crate::policies::mirror) receiver: Receiver,
    pub(in crate::policies::mirror) progress: Progress,
    /// Reason for which the original's side gave up; closed without a value when its body ends.
    pub(in crate::policies::mirror) verdict: oneshot::Receiver<MirrorDropReason>,
}

impl Pipe {
    /// Creates a pipe for a body of which `left` bytes are to come, if that is known.
    pub(in crate::policies::mirror) fn new(
        counts: Arc<Counts>,
        limits: Limits,
        left: Option<u64>,
    ) -> Self {
        let level = Arc::new(BufferLevel {
            counts,
            lag: AtomicUsize::new(0),
            through: AtomicBool::new(false),
        });
        // Unbounded in number, but bounded by the weight of its messages; see `Sender::charge`.
        let (messages, receiver) = unbounded_channel();
        let (fate, verdict) = oneshot::channel();
        Self {
            sender: Sender {
                fate: Some(fate),
                left,
                level: Arc::clone(&level),
                limits,
                messages,
            },
            receiver: Receiver {
                level: Arc::clone(&level),
                messages: receiver,
            },
            progress: Progress(level),
            verdict,
        }
    }
}

/// Message from the original's end to the mirror's.
#[derive(Debug)]
pub(in crate::policies::mirror) enum Message {
    /// The body ended.
    End,
    Frame {
        charge: BufferedBytes,
        frame: Frame<Bytes>,
        /// True if the body ended with this frame.
        last: bool,
    },
}

/// Fill level of a pipe.
#[derive(Debug)]
struct BufferLevel {
    counts: Arc<Counts>,
    lag: AtomicUsize,
    /// True once the mirror's end has read all that it wants.
    through: AtomicBool,
}

/// Progress of the mirror in reading a body.
#[derive(Clone, Debug)]
pub(in crate::policies::mirror) struct Progress(Arc<BufferLevel>);

impl Progress {
    /// Returns true if the mirror has read the whole body, or wants no more of it.
    pub(in crate::policies::mirror) fn is_through(&self) -> bool {
        // Relaxed: the flag only switches the limit of the drain on, and publishes no other memory.
        self.0.through.load(Ordering::Relaxed)
    }
}

/// Receiving end of a pipe, on the mirror's side.
#[derive(Debug)]
pub(in crate::policies::mirror) struct Receiver {
    level: Arc<BufferLevel>,
    messages: UnboundedReceiver<Message>,
}

impl Receiver {
    /// Receives the next message; none if the original's side was dropped before the end of the
    /// body.
    pub(in crate::policies::mirror) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Message>> {
        self.messages.poll_recv(cx)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.level.through.store(true, Ordering::Relaxed);
    }
}

/// Bytes that a frame occupies in a pipe, released when it is dropped.
#[derive(Debug)]
pub(in crate::policies::mirror) struct BufferedBytes {
    len: usize,
    level: Arc<BufferLevel>,
}

impl Drop for BufferedBytes {
    fn drop(&mut self) {
        self.level.lag.fetch_sub(self.len, Ordering::Relaxed);
        self.level.counts.unbuffer(self.len);
    }
}

/// Sending end of a pipe, on the original's side.
#[derive(Debug)]
pub(in crate::policies::mirror) struct Sender {
    /// None once the body ended, or the copy was cancelled.
    fate: Option<oneshot::Sender<MirrorDropReason>>,
    /// Bytes still to come of a body of known length.
    left: Option<u64>,
    level: Arc<BufferLevel>,
    limits: Limits,
    messages: UnboundedSender<Message>,
}

impl Sender {
    /// Sends a frame, which may be the `last` one; returns true if the mirror wants more.
    pub(in crate::policies::mirror) fn push(&mut self, frame: &Frame<Bytes>, last: bool) -> bool {
        // A frame of an unknown kind cannot be cloned, and is left out of the copy.
        let Some(copy) = copy(frame) else {
            if last {
                self.finish();
            }
            return !last;
        };
        let charge = match self.charge(weight(frame)) {
            Ok(charge) => charge,
            Err(reason) => {
                self.abort(reason);
                return false;
            }
        };
        let data = frame.data_ref().map_or(0, Bytes::len);
        self.left = self.left.map(|left| left.saturating_sub(data as u64));
        let message = Message::Frame {
            charge,
            frame: copy,
            last,
        };
        // Fails when the mirror has answered without reading on.
        let wanted = self.messages.send(message).is_ok() && !last;
        if !wanted {
            self.fate = None;
        }
        wanted
    }

    /// Sends the end of the body.
    pub(in crate::policies::mirror) fn end(mut self) {
        self.finish();
    }

    /// Cancels the copy because the body broke off.
    pub(in crate::policies::mirror) fn break_off(mut self) {
        self.abort(MirrorDropReason::Abandoned);
    }

    fn finish(&mut self) {
        // The receiver may be gone already; then there is no copy to complete.
        let _ = self.messages.send(Message::End);
        self.fate = None;
    }

    /// Sends the reason to the copy's task, before the mirror's client sees half a body and fails.
    fn abort(&mut self, reason: MirrorDropReason) {
        if let Some(fate) = self.fate.take() {
            let _ = fate.send(reason);
        }
    }

    fn charge(&self, len: usize) -> Result<BufferedBytes, MirrorDropReason> {
        let Self { level, limits, .. } = self;
        // Only this end adds, so nothing is added between the check and the update of the lag.
        limits.lag(level.lag.load(Ordering::Relaxed), len)?;
        level.counts.buffer(|held| limits.buffered(held, len))?;
        level.lag.fetch_add(len, Ordering::Relaxed);
        Ok(BufferedBytes {
            len,
            level: Arc::clone(level),
        })
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if self.fate.is_none() {
            return;
        }
        // hyper drops a body once it has as many bytes as the content-length.
        if self.left == Some(0) {
            self.finish();
        } else {
            self.abort(MirrorDropReason::Abandoned);
        }
    }
}

/// Copies a frame without copying its data; returns none for a frame of an unknown kind.
fn copy(frame: &Frame<Bytes>) -> Option<Frame<Bytes>> {
    if let Some(data) = frame.data_ref() {
        return Some(Frame::data(data.clone()));
    }
    frame.trailers_ref().cloned().map(Frame::trailers)
}
