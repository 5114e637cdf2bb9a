use std::fmt::Debug;
use std::time::Duration;

use super::{GaveUp, Rejection};

/// Something an operator would want to know.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A request that failed is not tried again, though the policy names the failure.
    GaveUp(GaveUp),
    /// A policy of this crate answered a request instead of the upstream.
    Rejected(Rejection),
    /// A request is tried again after a wait; 1 is the first retry.
    Retrying {
        /// The number of the retry.
        retry: u32,
        /// How long it waits.
        wait: Duration,
    },
}

/// Receives events; called outside every lock and from `Drop`, so it must not panic.
pub trait Observe: Debug + Send + Sync + 'static {
    /// Takes note of `event`.
    fn event(&self, event: &Event);
}

/// Takes note of nothing.
impl Observe for () {
    fn event(&self, _event: &Event) {}
}

/// Writes each event to [`tracing`]; what a layer does unless it is given another observer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log;

impl Observe for Log {
    fn event(&self, event: &Event) {
        match event {
            Event::GaveUp(reason) => {
                tracing::debug!(
                    policy = "retry",
                    reason = reason.label(),
                    "gave up: {reason}"
                );
            }
            Event::Rejected(rejection) => {
                tracing::debug!(policy = rejection.policy(), "rejected: {rejection}");
            }
            Event::Retrying { retry, wait } => {
                tracing::debug!(policy = "retry", retry, ?wait, "trying again");
            }
        }
    }
}
