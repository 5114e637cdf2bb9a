use std::sync::Arc;

use http::HeaderValue;

use super::machine::Denied;
use super::quota::Quota;
use super::shards::Shards;
use super::store::{Slot, Store};
use super::{RateLimitPolicy, Status, headers};
use crate::base::spread;

/// A policy and what follows from it, so that no decision mixes two versions.
#[derive(Debug)]
pub(super) struct Active {
    /// The last quota that was not off: the states are counted under it.
    counted: Quota,
    pub(super) policy: RateLimitPolicy,
    pub(super) policy_header: HeaderValue,
    pub(super) quota: Quota,
    /// In how many places the limit may be counted.
    places: u16,
    /// Where the one count is that everybody shares, if that is not in the store.
    shards: Arc<Shards>,
    store: Arc<Store>,
}

impl Active {
    pub(super) fn new(policy: RateLimitPolicy, places: u16) -> Self {
        let store = Arc::new(Store::new(policy.max_keys()));
        let quota = Quota::of(&policy);
        let shards = Arc::new(Shards::new(&parts(&policy, &quota, places)));
        Self {
            counted: quota,
            policy_header: headers::policy(policy.name(), &quota),
            policy,
            quota,
            places,
            shards,
            store,
        }
    }

    /// Starts again with so many places.
    pub(super) fn anew(&self, places: u16) -> Self {
        Self::new(self.policy.clone(), places)
    }

    /// Puts another policy in this one's place; what was used stays used.
    ///
    /// A decision that is made under the old policy in this very moment may be counted as the old
    /// one counts, which is off by that one call.
    pub(super) fn replaced(&self, policy: RateLimitPolicy, now: u64) -> Self {
        let quota = Quota::of(&policy);
        let parts = parts(&policy, &quota, self.places);
        let stays = self.shards.are(&parts);
        if !stays {
            self.shards.gather_into(&self.store, &self.counted, now);
        }
        let store = if policy.max_keys() == self.store.max_keys() {
            Arc::clone(&self.store)
        } else {
            Arc::new(self.store.resized(&self.counted, policy.max_keys(), now))
        };
        store.carry(&self.counted, &quota, now);
        let shards = if stays {
            Arc::clone(&self.shards)
        } else {
            let shards = Shards::new(&parts);
            shards.deal_from(&store, &quota, now);
            Arc::new(shards)
        };
        let counted = match quota {
            Quota::Off => self.counted,
            _ => quota,
        };
        Self {
            counted,
            policy_header: headers::policy(policy.name(), &quota),
            policy,
            quota,
            places: self.places,
            shards,
            store,
        }
    }

    /// Pays `cost`, or books it within `patience`; returns when the call may go on.
    #[inline]
    pub(super) fn take(
        &self,
        slot: Slot,
        cost: u64,
        now: u64,
        patience: u64,
    ) -> Result<u64, Denied> {
        if self.is_spread(slot) {
            // A policy with a queue is not spread, so there is no patience.
            return self.shards.take(cost, now, spread::of_thread());
        }
        self.store.take(&self.quota, slot, cost, now, patience)
    }

    /// Counts `amount` whatever is left.
    pub(super) fn charge(&self, slot: Slot, amount: u64, now: u64) {
        if self.is_spread(slot) {
            self.shards.charge(amount, now, spread::of_thread());
        } else {
            self.store.charge(&self.quota, slot, amount, now);
        }
    }

    /// Takes back `amount` of what was counted at the time `at`.
    pub(super) fn give_back(&self, slot: Slot, amount: u64, at: u64, now: u64) {
        // Where it was paid is not remembered; elsewhere it would let in more than there may be.
        if !self.is_spread(slot) {
            self.store.give_back(&self.quota, slot, amount, at, now);
        }
    }

    /// Books anew the costs of those who wait, after something was given back; returns when each may
    /// go on.
    pub(super) fn move_up(&self, slot: Slot, booked: &[(u64, u64)], now: u64) -> Vec<u64> {
        if self.is_spread(slot) {
            // They joined under another policy, and keep the turn that they were given.
            return booked.iter().map(|(at, _)| *at).collect();
        }
        self.store.move_up(&self.quota, slot, booked, now)
    }

    /// Books anew what somebody waits for whose turn another policy promised; returns when it comes
    /// now, which is no later.
    pub(super) fn rebook(&self, slot: Slot, cost: u64, promised: u64, now: u64) -> u64 {
        if self.is_spread(slot) {
            // Its places are not booked for times to come.
            self.charge(slot, cost, now);
            return promised;
        }
        self.store.rebook(&self.quota, slot, cost, promised, now)
    }

    pub(super) fn status(&self, slot: Slot, now: u64) -> Status {
        if self.is_spread(slot) {
            return self.shards.status(now);
        }
        self.store.status(&self.quota, slot, now)
    }

    #[cfg(all(test, not(meshless_loom)))]
    pub(super) fn shards(&self) -> &Shards {
        &self.shards
    }

    pub(super) fn evicted(&self) -> u64 {
        self.store.evicted()
    }

    pub(super) fn is_spread(&self, slot: Slot) -> bool {
        slot.is_none() && !self.shards.is_empty()
    }
}

fn parts(policy: &RateLimitPolicy, quota: &Quota, places: u16) -> Vec<Quota> {
    if policy.may_be_spread() {
        quota.parts(places)
    } else {
        Vec::new()
    }
}
