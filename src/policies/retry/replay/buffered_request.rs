use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body::Body;

use super::head::Head;
use super::replay_buffer::{ReplayBuffer, ReplayCursor, ReplayLimit};
use crate::policies::retry::ReplayBody;

/// What is kept of a request that may have to be sent again, in one piece: the future and the body of
/// the last try hold on to it.
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

    /// Makes the body of the first try.
    pub(in crate::policies::retry) fn first_body(self: &Arc<Self>) -> ReplayBody<B> {
        self.body_of(|_| ReplayBuffer::<B>::first())
    }

    /// Makes the body of the next try, and ends that of the one before.
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

    /// Keeps no more: there will be no further try.
    pub(in crate::policies::retry) fn finish(self: &Arc<Self>) {
        // Nobody reads what would be kept once the try has let go of its body.
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
