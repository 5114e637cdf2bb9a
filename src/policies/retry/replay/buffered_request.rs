use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body::Body;

use super::head::Head;
use super::replay_buffer::{ReplayBuffer, ReplayCursor, ReplayLimit};
use crate::policies::retry::ReplayBody;

/// Head and body of a request that may have to be sent again, in one allocation: the future and the
/// body of the last attempt share it.
#[derive(Debug)]
pub(in crate::policies::retry) struct BufferedRequest<B> {
    has_body: bool,
    pub(in crate::policies::retry) head: Head,
    buffer: Mutex<ReplayBuffer<B>>,
}

impl<B: Body> BufferedRequest<B> {
    /// Keeps a head, and of its body as much as `limit` says.
    #[inline]
    pub(in crate::policies::retry) fn new(head: Head, body: B, limit: ReplayLimit) -> Arc<Self> {
        Arc::new(Self {
            has_body: !body.is_end_stream(),
            head,
            buffer: Mutex::new(ReplayBuffer::new(body, limit)),
        })
    }

    /// Creates the body of the first attempt.
    pub(in crate::policies::retry) fn first_body(self: &Arc<Self>) -> ReplayBody<B> {
        self.body_of(|_| ReplayBuffer::<B>::first())
    }

    /// Creates the body of the next attempt, and ends that of the attempt before.
    pub(in crate::policies::retry) fn next_body(self: &Arc<Self>) -> ReplayBody<B> {
        self.body_of(|kept| kept.buffer().rewind())
    }

    fn body_of(self: &Arc<Self>, reader: impl FnOnce(&Self) -> ReplayCursor) -> ReplayBody<B> {
        if self.has_body {
            ReplayBody::replayed(reader(self), Arc::clone(self))
        } else {
            ReplayBody::empty()
        }
    }

    /// Returns the limit because of which a further try would not get all of the body.
    pub(in crate::policies::retry) fn lost(&self) -> Option<usize> {
        // Poisoned by a body that panicked as it was read, which will not be read again.
        self.buffer
            .lock()
            .map_or(Some(0), |buffer| buffer.overflowed())
    }

    /// Stops buffering: there will be no further attempt.
    pub(in crate::policies::retry) fn finish(self: &Arc<Self>) {
        // With one reference left, the attempt has dropped its body, and the buffer has no reader.
        if Arc::strong_count(self) > 1 {
            self.buffer().finish();
        }
    }
}

impl<B> BufferedRequest<B> {
    pub(in crate::policies::retry) fn buffer(&self) -> MutexGuard<'_, ReplayBuffer<B>> {
        // If poisoned, no further try begins; see `lost`.
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
