use std::sync::Arc;

use tower_layer::Layer;

use super::service::Shared;
use super::{Timeout, TimeoutPolicy};
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::sync::sharded_arc::ShardedArc;

/// Limits the response time of every service it wraps.
///
/// The services and the clones of this layer share its policy. See the [module docs](super) for an
/// example.
#[derive(Clone, Debug)]
pub struct TimeoutLayer {
    shared: ShardedArc<Shared>,
}

impl TimeoutLayer {
    /// Creates a timeout that reports its events to the [`TracingObserver`](crate::telemetry::TracingObserver).
    #[must_use]
    pub fn new(policy: TimeoutPolicy) -> Self {
        Self::with_emitter(policy, Emitter::default())
    }

    /// Creates a timeout that reports its events to `observe`.
    #[must_use]
    pub fn with_observer(policy: TimeoutPolicy, observe: Arc<dyn Observe>) -> Self {
        Self::with_emitter(policy, Emitter::new(observe))
    }

    pub(crate) fn with_emitter(policy: TimeoutPolicy, emitter: Emitter) -> Self {
        Self {
            shared: ShardedArc::new(Shared::new(policy, emitter)),
        }
    }

    named!(self => self.shared.emitter());

    /// Replaces the policy for requests that start from now on; requests in flight keep theirs.
    pub fn reconfigure(&self, policy: TimeoutPolicy) {
        self.shared.reconfigure(policy);
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> TimeoutPolicy {
        self.shared.policy()
    }
}

impl<S> Layer<S> for TimeoutLayer {
    type Service = Timeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Timeout::new(inner, self.shared.shared_ref())
    }
}
