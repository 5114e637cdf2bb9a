//! Each layer as its users see it, on a paused clock and without sockets.
#![expect(
    clippy::disallowed_methods,
    reason = "tests read the clock that they pause"
)]

mod fault_injection;
mod gate;
mod support;
