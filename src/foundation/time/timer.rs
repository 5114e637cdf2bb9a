//! A timer that costs nothing until something has to be waited for, and little then.
//!
//! Nearly every call waits for its upstream, and nearly none of its timers ever goes off. tokio's
//! `Sleep` is made for the other case. Armed for one call, it takes the lock of its runtime's wheel
//! twice, to be put in and taken out, and counts the runtime's handle up and down four times, which all
//! threads share: 610 instructions. And it is 112 bytes in the future and in the body of each layer that
//! waits, which move with every level.
//!
//! So a [`Timer`] is one word, and what did not go off is kept for the [next call](pool) of its thread as it
//! is: in the wheel, with its deadline. That costs 270 instructions: the wheel knows a relay and not the
//! task (two uncontended locks of its own), and the runtime is asked for its id, which counts its handle
//! once. Nothing is allocated, and the lock of the wheel is not taken.
//!
//! The deadline that is kept comes sooner than the call wants. A call that outlasts it is woken for
//! nothing, once, and sets the timer to its own; so that happens at most once for each time a timer was put
//! into the wheel, which is seldom where calls are many. (To set it with each call would be 170 instructions
//! more, and two further counts of the handle.) A paused clock stops at such a deadline too, and goes on.
//!
//! A timer that is kept holds nothing of the task that used it, but something of its runtime: what
//! is left of that after a shutdown is freed when the thread arms a timer in another runtime, or ends.

mod armed;
mod pool;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use self::armed::ArmedTimer;

/// A timer that is armed by its first poll, so that an answer that is there at once costs none.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    armed: Option<Pin<Box<ArmedTimer>>>,
}

impl Timer {
    /// Creates a timer that is not armed.
    pub(crate) const fn new() -> Self {
        Self { armed: None }
    }

    /// Waits until `at`, which may be another instant at each poll.
    pub(crate) fn poll_at(mut self: Pin<&mut Self>, at: Instant, cx: &Context<'_>) -> Poll<()> {
        let mut armed = self.armed.get_or_insert_with(|| pool::acquire(at)).as_mut();
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
            pool::release(armed);
        }
    }
}
