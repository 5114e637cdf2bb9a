//! A timer that costs nothing until a wait begins, and little afterwards.
//!
//! Nearly every call waits for its upstream, and nearly none of its timers ever expires; tokio's
//! `Sleep` is made for the opposite case. Armed for one call, a `Sleep` takes the lock of its
//! runtime's timer wheel twice, to be inserted and removed, and changes the reference count of the
//! runtime's handle, which all threads share, four times: 610 instructions. It also adds 112 bytes
//! to the future and the body of each layer that waits, which are moved at every level.
//!
//! A [`Timer`] is one word, and a timer that has not expired is kept for the [next call](pool) of
//! its thread as it is: in the wheel, with its deadline. That costs 270 instructions: the wheel
//! holds a relay instead of the task's waker (two uncontended locks of its own), and the runtime's
//! id is read, which changes the handle's count once. It neither allocates nor takes the lock of
//! the wheel.
//!
//! The deadline of a kept timer is earlier than the call's own. A call that outlasts it is woken
//! early, once, and resets the timer to its own deadline; this happens at most once for each
//! insertion into the wheel, which is rare where calls are many. (Resetting the timer for each call
//! would cost 170 instructions more and two further changes of the handle's count.) A paused clock
//! stops at such a deadline, too, and continues.
//!
//! A kept timer holds nothing of the task that used it, but some memory of its runtime: the remains
//! of a runtime that has shut down are freed when the thread arms a timer in another runtime, or
//! ends.

mod armed;
mod pool;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use self::armed::ArmedTimer;

/// A timer that is armed by its first poll, so that a response that is ready at once needs none.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    armed: Option<Pin<Box<ArmedTimer>>>,
}

impl Timer {
    /// Creates an unarmed timer.
    pub(crate) const fn new() -> Self {
        Self { armed: None }
    }

    /// Waits until `at`, which may differ between polls.
    pub(crate) fn poll_at(mut self: Pin<&mut Self>, at: Instant, cx: &Context<'_>) -> Poll<()> {
        let mut armed = self.armed.get_or_insert_with(|| pool::acquire(at)).as_mut();
        if armed.at() > at {
            armed.as_mut().set(at);
        }
        ready!(armed.as_mut().poll(cx));
        if armed.at() < at {
            // The timer was armed for an earlier deadline: the wake-up was early, so it is reset to
            // this one.
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
