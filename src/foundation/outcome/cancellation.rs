//! Tells a call that our own timeout cuts off from one whose caller went away.

use std::cell::Cell;

use super::{Failure, Outcome};

thread_local! {
    static CUT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `drop`, which drops a call because its upstream did not answer in time.
pub(crate) fn cancel_as_timeout<T>(drop: impl FnOnce() -> T) -> T {
    let _guard = Guard(CUT.replace(true));
    drop()
}

/// Puts the outer state back, also when the code under it panics.
struct Guard(bool);

impl Drop for Guard {
    fn drop(&mut self) {
        CUT.set(self.0);
    }
}

impl Outcome {
    /// Returns the outcome of a call that is being dropped before its head: abandoned, unless a
    /// timeout of this crate around it has just run out.
    ///
    /// For the `Drop` of a [`Ticket`](crate::gate::Ticket) that has not heard of a head.
    #[must_use]
    pub fn on_drop() -> Self {
        if CUT.get() {
            Self::Failed(Failure::Timeout)
        } else {
            Self::Abandoned
        }
    }
}
