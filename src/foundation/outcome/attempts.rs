//! Tells a service around a retry how many attempts a request had, which neither a response nor an error says.
//!
//! It is noted as the retry ends, or is cut off, and read by a future around it in the same poll.

use std::cell::Cell;

thread_local! {
    static ATTEMPTS: Cell<u32> = const { Cell::new(0) };
}

/// Notes the number of attempts of the request that ends.
#[inline]
pub(crate) fn note(attempts: u32) {
    ATTEMPTS.set(attempts);
}

/// Returns the number of attempts of the request that has just ended; 0 without a retry.
#[cfg(any(feature = "istio", feature = "reqwest"))]
pub(crate) fn take() -> u32 {
    ATTEMPTS.take()
}
