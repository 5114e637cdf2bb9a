use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body::Body;

use super::ReplayBody;
use super::head::Head;
use super::tape::{Reader, ReplayLimit, Tape};

/// What is kept of a request that may have to be sent again, in one piece: the future and the body of
/// the last try hold on to it.
#[derive(Debug)]
pub(super) struct Kept<B> {
    has_body: bool,
    pub(super) head: Head,
    tape: Mutex<Tape<B>>,
}

impl<B: Body> Kept<B> {
    /// Keeps a head, and of its body as much as `limit` says.
    #[inline]
    pub(super) fn new(head: Head, body: B, limit: ReplayLimit) -> Arc<Self> {
        Arc::new(Self {
            has_body: !body.is_end_stream(),
            head,
            tape: Mutex::new(Tape::new(body, limit)),
        })
    }

    /// Makes the body of the first try.
    pub(super) fn first(self: &Arc<Self>) -> ReplayBody<B> {
        self.body_of(|_| Tape::<B>::first())
    }

    /// Makes the body of the next try, and ends that of the one before.
    pub(super) fn next(self: &Arc<Self>) -> ReplayBody<B> {
        self.body_of(|kept| kept.tape().rewind())
    }

    fn body_of(self: &Arc<Self>, reader: impl FnOnce(&Self) -> Reader) -> ReplayBody<B> {
        if self.has_body {
            ReplayBody::taped(reader(self), Arc::clone(self))
        } else {
            ReplayBody::empty()
        }
    }

    /// Returns the limit because of which a further try would not get all of the body.
    pub(super) fn lost(&self) -> Option<usize> {
        // Poisoned by a body that panicked as it was read, which will not be read again.
        self.tape.lock().map_or(Some(0), |tape| tape.lost())
    }

    /// Keeps no more: there will be no further try.
    pub(super) fn finish(self: &Arc<Self>) {
        // Nobody reads what would be kept once the try has let go of its body.
        if Arc::strong_count(self) > 1 {
            self.tape().finish();
        }
    }
}

impl<B> Kept<B> {
    pub(super) fn tape(&self) -> MutexGuard<'_, Tape<B>> {
        // If poisoned, no further try begins; see `lost`.
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
