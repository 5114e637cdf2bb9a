use std::sync::Arc;

use tower_layer::Layer;

use super::service::Shared;
use super::{Retry, RetryPolicy, RetryStats};
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::sync::sharded_arc::ShardedArc;

/// Retries failed requests.
///
/// All services that it makes, and all clones of it, share one budget and one policy. See the
/// [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct RetryLayer {
    shared: ShardedArc<Shared>,
}

impl RetryLayer {
    /// Creates a layer that writes its decisions to [`tracing`].
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        Self::with_emitter(policy, Emitter::default())
    }

    /// Creates a layer that reports its decisions to `observe`.
    #[must_use]
    pub fn with_observer(policy: RetryPolicy, observe: Arc<dyn Observe>) -> Self {
        Self::with_emitter(policy, Emitter::new(observe))
    }

    pub(crate) fn with_emitter(policy: RetryPolicy, emitter: Emitter) -> Self {
        Self {
            shared: ShardedArc::new(Shared::new(policy, emitter)),
        }
    }

    named!(self => self.shared.emitter());

    /// Seeds the jitter, for tests. By default it differs in every process.
    ///
    /// The returned layer has the policy and the budget of this one, but a later
    /// [`reconfigure`](Self::reconfigure) of either does not affect the other.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self {
            shared: ShardedArc::new(self.shared.with_seed(seed)),
        }
    }

    /// Replaces the policy for requests that start from now on. The balance of the budget stays,
    /// unless the new policy has a [shared](super::RetryBudget::shared) one.
    pub fn reconfigure(&self, policy: RetryPolicy) {
        self.shared.reconfigure(policy);
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> RetryPolicy {
        self.shared.policy()
    }

    /// Returns the state of its budget, which other layers may share.
    #[must_use]
    pub fn stats(&self) -> RetryStats {
        self.shared.stats()
    }
}

/// A layer with the default policy.
impl Default for RetryLayer {
    fn default() -> Self {
        Self::new(RetryPolicy::default())
    }
}

impl<S> Layer<S> for RetryLayer {
    type Service = Retry<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Retry::new(inner, self.shared.shared_ref())
    }
}
