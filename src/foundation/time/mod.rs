//! The clock, timers and back-off.

pub(crate) mod backoff;
pub(crate) mod clock;
pub(crate) mod timer;

pub use backoff::Backoff;
pub use backoff::Jitter;
