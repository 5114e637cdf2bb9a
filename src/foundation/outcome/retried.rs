//! Tells the one who answers for an error whether it came after a retry, which the error does not say.
//!
//! It is noted as the retry's future ends with an error and read by a future around it, which hears of the
//! error in the same poll.

use std::cell::Cell;

thread_local! {
    static RETRIED: Cell<bool> = const { Cell::new(false) };
}

/// Notes whether the request that has just failed was tried more than once.
pub(crate) fn note(retried: bool) {
    RETRIED.set(retried);
}

/// Says whether the request that has just failed was tried more than once.
pub(crate) fn take() -> bool {
    RETRIED.take()
}
