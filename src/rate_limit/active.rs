use std::sync::Arc;

use http::HeaderValue;

use super::quota::Quota;
use super::store::Store;
use super::{RateLimitPolicy, headers};

/// A policy and what follows from it, so that no decision mixes two versions.
#[derive(Debug)]
pub(super) struct Active {
    /// The last quota that was not off: the states are counted under it.
    counted: Quota,
    pub(super) policy: RateLimitPolicy,
    pub(super) policy_header: HeaderValue,
    pub(super) quota: Quota,
    pub(super) store: Arc<Store>,
}

impl Active {
    pub(super) fn new(policy: RateLimitPolicy) -> Self {
        let store = Arc::new(Store::new(policy.max_keys()));
        let quota = Quota::of(&policy);
        Self::of(policy, quota, quota, store)
    }

    /// Puts another policy in this one's place; what was used stays used.
    ///
    /// A decision that is made under the old policy in this very moment may be counted as the old
    /// one counts, which is off by that one call.
    pub(super) fn replaced(&self, policy: RateLimitPolicy, now: u64) -> Self {
        let quota = Quota::of(&policy);
        let store = if policy.max_keys() == self.store.max_keys() {
            Arc::clone(&self.store)
        } else {
            Arc::new(self.store.resized(&self.counted, policy.max_keys(), now))
        };
        store.carry(&self.counted, &quota, now);
        let counted = match quota {
            Quota::Off => self.counted,
            _ => quota,
        };
        Self::of(policy, quota, counted, store)
    }

    fn of(policy: RateLimitPolicy, quota: Quota, counted: Quota, store: Arc<Store>) -> Self {
        Self {
            counted,
            policy_header: headers::policy(policy.name(), &quota),
            policy,
            quota,
            store,
        }
    }
}
