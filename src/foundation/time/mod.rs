//! The clock, timers and back-off.

pub(crate) mod backoff;
pub(crate) mod clock;
#[cfg(any(feature = "istio", feature = "serde"))]
pub(crate) mod duration;
pub(crate) mod timer;

pub use backoff::Backoff;
pub use backoff::Jitter;
