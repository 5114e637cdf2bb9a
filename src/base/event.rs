use std::fmt::Debug;
use std::time::Duration;

use super::{Elapsed, Rejection};

/// Something an operator would want to know.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The body of a response broke off because its time was over.
    BodyTimedOut(Elapsed),
    /// A policy of this crate answered a request instead of the upstream.
    Rejected(Rejection),
    /// A total timeout of this length cut off a stream of events (`text/event-stream`), which wants an
    /// idle timeout instead. Said once by each timeout layer.
    StreamCut(Duration),
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
            Event::BodyTimedOut(elapsed) => {
                tracing::debug!(policy = "timeout", "response body cut off: {elapsed}");
            }
            Event::Rejected(rejection) => {
                tracing::debug!(policy = rejection.policy(), "rejected: {rejection}");
            }
            Event::StreamCut(total) => {
                tracing::warn!(
                    policy = "timeout",
                    "a total timeout of {total:?} cuts off streams of events; give them an idle \
                     timeout and no total (said once)"
                );
            }
        }
    }
}
