use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use tower_layer::Layer;

use super::service::RateLimitGate;
use super::shared::Shared;
use super::{RateLimit, RateLimitPolicy, RateLimitStats, RateLimiter};
use crate::foundation::admission::Queued;
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::sync::sharded_arc::ShardedArc;

/// Puts one rate limit around every service it wraps.
///
/// The services and the clones of this layer share its state: axum calls [`Layer::layer`] for each
/// connection, and a limit created there would see the requests of one connection alone. See the
/// [module docs](super) for an example.
#[derive(Clone)]
pub struct RateLimitLayer {
    shared: ShardedArc<Arc<Shared>>,
    limiter: RateLimiter,
}

impl Debug for RateLimitLayer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer")
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

impl RateLimitLayer {
    /// Creates a limit with nothing used.
    #[must_use]
    pub fn new(policy: RateLimitPolicy) -> Self {
        Self::with_emitter(policy, Emitter::default())
    }

    /// Creates a limit that reports its events to `observe`.
    #[must_use]
    pub fn with_observer(policy: RateLimitPolicy, observe: Arc<dyn Observe>) -> Self {
        Self::with_emitter(policy, Emitter::new(observe))
    }

    pub(crate) fn with_emitter(policy: RateLimitPolicy, emitter: Emitter) -> Self {
        Self::from(RateLimiter::with_emitter(policy, emitter))
    }

    named!(self => self.limiter.emitter());

    /// Counts in this many shards, so that threads do not contend for one. The default is 1, which
    /// is exact; 0 means 1. All counts are reset, so set it before the layer is used.
    ///
    /// The limit is never exceeded; [`RateLimiter::with_shards`] lists the costs, and the policies
    /// that it does not affect.
    #[must_use]
    pub fn with_shards(self, shards: u16) -> Self {
        Self::from(self.limiter.with_shards(shards))
    }

    /// Replaces the policy for requests that start from now on; what was used stays used. See
    /// [`RateLimiter::reconfigure`].
    pub fn reconfigure(&self, policy: RateLimitPolicy) {
        self.limiter.reconfigure(policy);
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> RateLimitPolicy {
        self.limiter.policy()
    }

    /// Returns the counters since the limit was created.
    #[must_use]
    pub fn stats(&self) -> RateLimitStats {
        self.limiter.stats()
    }

    /// Returns the gate of this limit, to be [combined](crate::gate::GateChain) with other gates.
    #[must_use]
    pub fn gate(&self) -> RateLimitGate {
        RateLimitGate::new(self.shared.shared_ref())
    }

    /// Returns the limiter of this layer, for calls that are not HTTP requests.
    #[must_use]
    pub const fn limiter(&self) -> &RateLimiter {
        &self.limiter
    }
}

impl From<RateLimiter> for RateLimitLayer {
    fn from(limiter: RateLimiter) -> Self {
        Self {
            shared: ShardedArc::new(Arc::clone(limiter.shared())),
            limiter,
        }
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Queued::new(inner, self.gate())
    }
}
