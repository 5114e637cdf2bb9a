//! A timer that costs nothing until something has to be waited for, and little then.
//!
//! Nearly every call waits for its upstream, and nearly none of its timers ever goes off. tokio's
//! `Sleep` is made for the other case: armed for one call it takes the lock of its runtime's wheel
//! twice, to be put in and taken out, and counts the runtime's handle up and down four times, which all
//! threads share. With its 112 bytes in the future and in the body of every layer that waits, moved with
//! each level, that was 700 instructions a call; as it is here, it is 160.
//!
//! So a [`Timer`] is one word, and what it arms is kept: a timer that did not go off
//! goes [back](pool) to its thread as it is, in the wheel and with its deadline, and the next call takes it.
//! Its deadline then comes sooner than the call wants, which costs at most one wake-up for nothing: the
//! timer looks at who is waiting now, and is set anew. That happens once per timer and deadline, not per
//! call. Nothing is allocated, locked, or computed until then; all that is left of the runtime's handle is
//! to ask for its id.
//!
//! A timer that waits in the pool keeps nothing of the task that used it, but something of
//! its runtime: what is left of it after a shutdown is freed when the thread arms a timer in another one, or
//! ends.

mod armed;
mod pool;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use self::armed::Armed;

/// A timer that is armed by its first poll, so that an answer that is there at once costs none.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    armed: Option<Pin<Box<Armed>>>,
}

impl Timer {
    /// Creates a timer that is not armed.
    pub(crate) const fn new() -> Self {
        Self { armed: None }
    }

    /// Waits until `at`, which may be another instant at each poll.
    pub(crate) fn poll_at(mut self: Pin<&mut Self>, at: Instant, cx: &Context<'_>) -> Poll<()> {
        let mut armed = self.armed.get_or_insert_with(|| pool::take(at)).as_mut();
        if armed.at() > at {
            armed.as_mut().set(at);
        }
        ready!(armed.as_mut().poll(cx));
        if armed.at() < at {
            // It was set for an earlier wait, and is set for this one now that it has woken us.
            armed.as_mut().set(at);
            return armed.poll(cx);
        }
        Poll::Ready(())
    }
}

impl Drop for Timer {
    #[inline]
    fn drop(&mut self) {
        if let Some(armed) = self.armed.take() {
            pool::give(armed);
        }
    }
}
