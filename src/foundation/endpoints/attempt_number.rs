//! The number of the running attempt: set by the retry layer, read by the span of the attempt.

use std::cell::Cell;

thread_local! {
    /// 0 outside an attempt.
    static NUMBER: Cell<u32> = const { Cell::new(0) };
}

/// Number of the attempt that is being called, from 1.
///
/// Not a header, which the upstream would see, nor an extension of the request, which would be an allocation.
#[derive(Debug)]
pub(crate) struct AttemptNumber {
    outer: u32,
}

impl AttemptNumber {
    /// Makes this the number of the running attempt until the guard is dropped.
    #[inline]
    pub(crate) fn enter(number: u32) -> Self {
        Self {
            outer: NUMBER.replace(number),
        }
    }

    /// Returns the number of the running attempt; `None` without a retry layer around the call.
    pub(crate) fn current() -> Option<u32> {
        Some(NUMBER.get()).filter(|number| *number > 0)
    }
}

impl Drop for AttemptNumber {
    #[inline]
    fn drop(&mut self) {
        NUMBER.set(self.outer);
    }
}
