//! Each policy of a plan acts, over services in memory and on a paused clock.

#![expect(
    clippy::disallowed_methods,
    reason = "tests read the clock that they pause; nothing waits"
)]

mod by_hand;
mod changes;
mod edge;
mod gateway;
mod hosts;
mod policies;
mod support;
#[cfg(feature = "watch")]
mod watch;
