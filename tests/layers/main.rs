//! Each layer as its users see it, on a paused clock and without sockets.
#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests read the clock that they pause"
)]

mod concurrency_limit;
mod fault_injection;
mod gate;
mod promises;
mod support;
mod telemetry;
mod timeout;
