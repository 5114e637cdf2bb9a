use std::sync::Arc;

use tower_layer::Layer;

use super::service::Shared;
use super::{Retry, RetryPolicy};
use crate::foundation::events::{Observe, TracingObserver};
use crate::foundation::sync::sharded_arc::ShardedArc;

/// Tries failed requests again.
///
/// All services that it makes, and all clones of it, share one budget and one policy. See the
/// [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct RetryLayer {
    shared: ShardedArc<Shared>,
}

impl RetryLayer {
    /// Creates a layer that writes what it decides to [`tracing`].
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        Self::with_observer(policy, Arc::new(TracingObserver))
    }

    /// Creates a layer that reports what it decides to `observe`.
    #[must_use]
    pub fn with_observer(policy: RetryPolicy, observe: Arc<dyn Observe>) -> Self {
        Self {
            shared: ShardedArc::new(Shared::new(policy, observe)),
        }
    }

    /// Makes the jitter follow from `seed`, for tests. Without it, it differs in every process.
    ///
    /// The layer that this returns has the policy and the budget of the one before, but takes no
    /// part in its later changes.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self {
            shared: ShardedArc::new(self.shared.with_seed(seed)),
        }
    }

    /// Replaces the policy for requests that start from now on. What the budget has saved stays,
    /// unless the new policy brings a [shared](super::RetryBudget::shared) one.
    pub fn reconfigure(&self, policy: RetryPolicy) {
        self.shared.reconfigure(policy);
    }
}

/// The default policy.
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
