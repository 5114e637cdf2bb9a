//! Each layer as its users see it, on a paused clock and without sockets.
#![expect(clippy::disallowed_methods, reason = "tests read the clock that they pause")]

mod fault_injection;
mod concurrency_limit;
mod gate;
mod support;
mod timeout;
mod telemetry;
