//! Tells a retry that its try waits for a place of this crate's own, in a limit or a pool, so that no upstream
//! is slow yet.

use std::cell::Cell;

thread_local! {
    static WAITS: Cell<bool> = const { Cell::new(false) };
}

/// Notes that what is polled waits for its place.
pub(crate) fn note() {
    WAITS.set(true);
}

/// Polls, and says whether anything within noted that it waits.
pub(crate) fn watch<T>(poll: impl FnOnce() -> T) -> (T, bool) {
    let outer = WAITS.replace(false);
    let polled = poll();
    let waits = WAITS.get();
    // Who watches further out waits too.
    WAITS.set(outer || waits);
    (polled, waits)
}
