#[cfg(feature = "serde")]
mod config;

use super::{Inbound, StackWarning};
use crate::policies::concurrency_limit::ConcurrencyLimitPolicy;
use crate::policies::rate_limit::RateLimitPolicy;
use crate::policies::telemetry::TracePolicy;
use crate::policies::timeout::TimeoutPolicy;

/// Policies of an [`Inbound`] stack, as one value that a configuration can hold.
///
/// With the feature `serde` it is read and written; a policy that is absent, and a setting of it, keeps
/// the default of [`inbound`](super::inbound()).
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct InboundPolicy {
    /// Concurrency limit. The default is 1024 requests in flight, and none pending.
    pub concurrency_limit: ConcurrencyLimitPolicy,
    /// Rate limit. The default is none.
    pub rate_limit: RateLimitPolicy,
    /// True if the responses may be long-lived streams; only [`lint`](Self::lint) depends on it.
    pub streams: bool,
    /// Timeout. The default is 15 s in all.
    pub timeout: TimeoutPolicy,
    /// Policy by which traces are accepted. The default is [`TracePolicy::default`].
    pub trace: TracePolicy,
}

impl InboundPolicy {
    /// Returns the contradictions between the policies.
    #[must_use]
    pub fn lint(&self) -> Vec<StackWarning> {
        Inbound::from(self.clone()).lint()
    }
}

/// The policies of [`inbound`](super::inbound()).
impl Default for InboundPolicy {
    fn default() -> Self {
        super::inbound().policy()
    }
}
