//! Distinction of calls that a timeout of this crate drops from calls whose caller cancels.

use std::cell::Cell;

use super::{Failure, Outcome};

thread_local! {
    static CUT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `drop`, which drops a call because its upstream did not respond in time.
pub(crate) fn cancel_as_timeout<T>(drop: impl FnOnce() -> T) -> T {
    let _guard = Guard(CUT.replace(true));
    drop()
}

/// Guard that restores the outer state, also when the code under it panics.
struct Guard(bool);

impl Drop for Guard {
    fn drop(&mut self) {
        CUT.set(self.0);
    }
}

impl Outcome {
    /// Returns the outcome of a call dropped before its response head: abandoned, or a timeout if a
    /// timeout layer of this crate is dropping it.
    ///
    /// For the `Drop` of a [`Ticket`](crate::gate::Ticket) that has observed no head.
    #[must_use]
    pub fn on_drop() -> Self {
        if CUT.get() {
            Self::Failed(Failure::Timeout)
        } else {
            Self::Abandoned
        }
    }
}
