use std::fmt::Debug;

use super::Rejection;

/// Something an operator would want to know.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A policy of this crate answered a request instead of the upstream.
    Rejected(Rejection),
    /// A policy of this crate would have answered, but was told not to.
    WouldReject(Rejection),
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
            Event::Rejected(rejection) => {
                tracing::debug!(policy = rejection.policy(), "rejected: {rejection}");
            }
            Event::WouldReject(rejection) => {
                tracing::debug!(policy = rejection.policy(), "would reject: {rejection}");
            }
        }
    }
}
