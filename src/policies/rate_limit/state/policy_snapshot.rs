use std::sync::Arc;

use http::HeaderValue;

use super::shards::Shards;
use super::store::{KeyHash, Store};
use crate::foundation::sync::sharded_arc;
#[cfg(feature = "governor")]
use crate::policies::rate_limit::governed::Governed;
use crate::policies::rate_limit::machine::token_bucket::Denied;
use crate::policies::rate_limit::quota::Quota;
use crate::policies::rate_limit::{RateLimitPolicy, Status, headers};

/// A policy snapshot with everything derived from it, so that no decision mixes two versions.
#[derive(Debug)]
pub(in crate::policies::rate_limit) struct PolicySnapshot {
    /// The last quota other than `Off`, under which the states are counted.
    counted: Quota,
    pub(in crate::policies::rate_limit) policy: RateLimitPolicy,
    policy_header: HeaderValue,
    pub(in crate::policies::rate_limit) quota: Quota,
    /// Maximum number of shards.
    shard_count: u16,
    /// The shards of a limit without keys; empty if it is counted in `store`.
    shards: Arc<Shards>,
    store: Arc<Store>,
}

impl PolicySnapshot {
    pub(in crate::policies::rate_limit) fn new(policy: RateLimitPolicy, places: u16) -> Self {
        let store = Arc::new(Store::new(policy.max_keys()));
        let quota = Quota::of(&policy);
        let shards = Arc::new(Shards::new(&shard_quotas(&policy, &quota, places)));
        Self {
            counted: quota,
            policy_header: headers::policy(policy.name(), &quota),
            policy,
            quota,
            shard_count: places,
            shards,
            store,
        }
    }

    /// Returns a snapshot with nothing used and this many shards.
    pub(in crate::policies::rate_limit) fn reset(&self, places: u16) -> Self {
        Self::new(self.policy.clone(), places)
    }

    /// Returns a snapshot with another policy; what was used stays used.
    ///
    /// A concurrent decision under the old policy may still be counted in its terms, which is an
    /// error of that one call.
    pub(in crate::policies::rate_limit) fn reconfigured(
        &self,
        policy: RateLimitPolicy,
        now: u64,
    ) -> Self {
        let quota = Quota::of(&policy);
        let parts = shard_quotas(&policy, &quota, self.shard_count);
        let stays = self.shards.are(&parts);
        if !stays {
            // Merged into one state first, since the new policy may have other shards or none.
            self.shards.gather_into(&self.store, &self.counted, now);
        }
        let store = if policy.max_keys() == self.store.max_keys() {
            Arc::clone(&self.store)
        } else {
            Arc::new(self.store.with_size(&self.counted, policy.max_keys(), now))
        };
        store.migrate_state(&self.counted, &quota, now);
        let shards = if stays {
            Arc::clone(&self.shards)
        } else {
            let shards = Shards::new(&parts);
            shards.redistribute(&store, &quota, now);
            Arc::new(shards)
        };
        let counted = match quota {
            // Nothing was counted under `Off`: the states remain in terms of the earlier quota.
            Quota::Off => self.counted,
            _ => quota,
        };
        Self {
            counted,
            policy_header: headers::policy(policy.name(), &quota),
            policy,
            quota,
            shard_count: self.shard_count,
            shards,
            store,
        }
    }

    /// Returns the value of `RateLimit-Policy`.
    pub(in crate::policies::rate_limit) fn policy_header(&self) -> HeaderValue {
        #[cfg(feature = "governor")]
        if let Some((limit, window)) = self.policy.governed().and_then(Governed::quota) {
            return headers::policy_of(self.policy.name(), limit, window);
        }
        self.policy_header.clone()
    }

    /// Pays `cost`, or reserves it within `max_wait`; returns the time of admission.
    #[inline]
    pub(in crate::policies::rate_limit) fn take(
        &self,
        key_hash: KeyHash,
        cost: u64,
        now: u64,
        max_wait: u64,
    ) -> Result<u64, Denied> {
        if self.is_sharded(key_hash) {
            // A policy with a queue is not spread, so there is no patience.
            return self.shards.take(cost, now, sharded_arc::current_shard());
        }
        self.store.take(&self.quota, key_hash, cost, now, max_wait)
    }

    /// Counts `amount` whatever is left.
    pub(in crate::policies::rate_limit) fn charge(&self, key_hash: KeyHash, amount: u64, now: u64) {
        if self.is_sharded(key_hash) {
            self.shards
                .charge(amount, now, sharded_arc::current_shard());
        } else {
            self.store.charge(&self.quota, key_hash, amount, now);
        }
    }

    /// Refunds `amount` of what was counted at the time `at`.
    pub(in crate::policies::rate_limit) fn refund(
        &self,
        key_hash: KeyHash,
        amount: u64,
        at: u64,
        now: u64,
    ) {
        // Where it was paid is not remembered; elsewhere it would let in more than there may be.
        if !self.is_sharded(key_hash) {
            self.store.refund(&self.quota, key_hash, amount, at, now);
        }
    }

    /// Renews the reservations of waiters after a refund; returns the new time of each.
    pub(in crate::policies::rate_limit) fn reschedule_waiters(
        &self,
        key_hash: KeyHash,
        reserved: &[(u64, u64)],
        now: u64,
    ) -> Vec<u64> {
        if self.is_sharded(key_hash) {
            // They joined under another policy, and keep the turn that they were given.
            return reserved.iter().map(|(at, _)| *at).collect();
        }
        self.store
            .reschedule_waiters(&self.quota, key_hash, reserved, now)
    }

    /// Renews a reservation promised under another policy; returns its time, which is no later.
    pub(in crate::policies::rate_limit) fn reschedule(
        &self,
        key_hash: KeyHash,
        cost: u64,
        promised: u64,
        now: u64,
    ) -> u64 {
        if self.is_sharded(key_hash) {
            // Its places are not booked for times to come.
            self.charge(key_hash, cost, now);
            return promised;
        }
        self.store
            .reschedule(&self.quota, key_hash, cost, promised, now)
    }

    pub(in crate::policies::rate_limit) fn status(&self, key_hash: KeyHash, now: u64) -> Status {
        if self.is_sharded(key_hash) {
            return self.shards.status(now);
        }
        self.store.status(&self.quota, key_hash, now)
    }

    #[cfg(all(test, not(meshless_loom)))]
    pub(in crate::policies::rate_limit) fn shards(&self) -> &Shards {
        &self.shards
    }

    pub(in crate::policies::rate_limit) fn evicted(&self) -> u64 {
        self.store.evicted()
    }

    pub(in crate::policies::rate_limit) fn keys_in_use(&self, now: u64) -> usize {
        self.store.keys_in_use(&self.counted, now)
    }

    pub(in crate::policies::rate_limit) fn is_sharded(&self, key_hash: KeyHash) -> bool {
        key_hash.is_none() && !self.shards.is_empty()
    }
}

fn shard_quotas(policy: &RateLimitPolicy, quota: &Quota, places: u16) -> Vec<Quota> {
    if policy.may_be_sharded() {
        quota.parts(places)
    } else {
        Vec::new()
    }
}
