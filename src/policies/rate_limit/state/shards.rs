//! A sharded limit: each shard counts a part, so that threads do not contend for one word.

use super::store::Store;
use crate::foundation::sync::Sharded;
use crate::policies::rate_limit::Status;
use crate::policies::rate_limit::machine::token_bucket::Denied;
use crate::policies::rate_limit::quota::Quota;

/// The shards of a limit, whose parts add up to it; empty if it is counted in one state.
///
/// Each part is exact, so that all of them together never admit more than the whole limit. A thread
/// whose own shard is exhausted tries the others before it rejects a call.
#[derive(Debug, Default)]
pub(in crate::policies::rate_limit) struct Shards(Sharded<Shard>);

#[derive(Debug)]
struct Shard {
    quota: Quota,
    store: Store,
}

impl Shards {
    pub(in crate::policies::rate_limit) fn new(parts: &[Quota]) -> Self {
        let shard = |number: usize| Shard {
            quota: parts[number],
            store: Store::new(0),
        };
        Self(Sharded::new(parts.len(), shard))
    }

    pub(in crate::policies::rate_limit) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::policies::rate_limit) fn are(&self, parts: &[Quota]) -> bool {
        self.0.iter().map(|shard| &shard.quota).eq(parts)
    }

    /// Pays `cost` if that much is left now, in the shard `home` first; returns the time at which
    /// it was counted.
    pub(in crate::policies::rate_limit) fn take(
        &self,
        cost: u64,
        now: u64,
        home: usize,
    ) -> Result<u64, Denied> {
        if cost != 1 {
            return self.gather(cost, now, home);
        }
        let mut soonest: Option<u64> = None;
        for shard in self.from(home) {
            match shard.take(1, now) {
                Ok(at) => return Ok(at),
                Err(Denied(None)) => {}
                Err(Denied(Some(wait))) => {
                    soonest = Some(soonest.map_or(wait, |soonest| soonest.min(wait)));
                }
            }
        }
        Err(Denied(soonest))
    }

    /// Pays a cost that may exceed every single part: all of it or nothing.
    fn gather(&self, cost: u64, now: u64, home: usize) -> Result<u64, Denied> {
        // Stays unallocated while the first shard has enough.
        let mut taken = Vec::new();
        let mut missing = cost;
        for shard in self.from(home) {
            if missing == 0 {
                break;
            }
            let (amount, at) = shard.take_up_to(missing, now);
            missing -= amount;
            if missing > 0 && amount > 0 {
                taken.push((shard, amount, at));
            }
        }
        if missing == 0 {
            return Ok(now);
        }
        for (shard, amount, at) in taken {
            // Not enough in all shards together: the amounts taken are returned to their shards.
            shard.store.refund(&shard.quota, None, amount, at, now);
        }
        let whole = self.status(now);
        // By then that much is certainly left; the earliest time is unknown to a single part.
        let wait = u64::try_from(whole.full_in.as_nanos()).unwrap_or(u64::MAX);
        Err(Denied((cost <= whole.limit).then_some(wait)))
    }

    /// Counts `amount` even beyond the limit: the excess is a debt of the shard `home`.
    pub(in crate::policies::rate_limit) fn charge(&self, amount: u64, now: u64, home: usize) {
        let mut missing = amount;
        for shard in self.from(home) {
            missing -= shard.take_up_to(missing, now).0;
        }
        if missing > 0
            && let Some(shard) = self.from(home).next()
        {
            shard.store.charge(&shard.quota, None, missing, now);
        }
    }

    /// Returns the sum over all shards; under concurrent calls each is read at a different moment.
    pub(in crate::policies::rate_limit) fn status(&self, now: u64) -> Status {
        let all = self.0.iter().map(|shard| shard.status(now));
        all.reduce(Status::and).unwrap_or(Status::UNLIMITED)
    }

    /// Counts in `whole`, under `quota`, everything that the shards have counted.
    pub(in crate::policies::rate_limit) fn gather_into(
        &self,
        whole: &Store,
        quota: &Quota,
        now: u64,
    ) {
        if self.is_empty() {
            return;
        }
        let mut used: u64 = 0;
        for shard in self.0.iter() {
            match (&shard.quota, quota) {
                (Quota::AtMost(_), Quota::AtMost(most)) => {
                    let log = std::mem::take(&mut *shard.store.whole_log());
                    whole.whole_log().merge(*most, log);
                }
                (Quota::Bucket(part), _) => {
                    let full_at = shard.store.bucket.update(|full_at| (full_at, full_at));
                    used = used.saturating_add(part.used(full_at, now));
                }
                _ => {}
            }
        }
        if let Quota::Bucket(bucket) = quota {
            let used = bucket.with_used(used, now);
            whole.bucket.update(|_| (used, ()));
        }
    }

    /// Distributes to the shards what was counted in `whole`.
    pub(in crate::policies::rate_limit) fn redistribute(
        &self,
        whole: &Store,
        quota: &Quota,
        now: u64,
    ) {
        if self.is_empty() {
            return;
        }
        match quota {
            Quota::AtMost(most) => {
                // The excess stays there, for a later policy.
                let mut log = whole.whole_log();
                for shard in self.0.iter() {
                    if let Quota::AtMost(part) = &shard.quota {
                        *shard.store.whole_log() = log.split_off(*most, part.limit, now);
                    }
                }
            }
            Quota::Bucket(bucket) => {
                let full_at = whole.bucket.update(|full_at| (0, full_at));
                let mut used = bucket.used(full_at, now);
                for shard in self.0.iter() {
                    // At most what the part can hold: a debt of the whole ends here.
                    let part = used.min(shard.status(now).limit);
                    shard.store.charge(&shard.quota, None, part, now);
                    used -= part;
                }
            }
            Quota::Off => {}
        }
    }

    /// Returns all shards, that of `home` first.
    fn from(&self, home: usize) -> impl Iterator<Item = &Shard> {
        self.0.beginning_at(home).map(|(_, shard)| shard)
    }
}

impl Shard {
    fn take(&self, cost: u64, now: u64) -> Result<u64, Denied> {
        self.store.take(&self.quota, None, cost, now, 0)
    }

    /// Pays as much of `cost` as is left; returns the amount and the time at which it was counted.
    fn take_up_to(&self, cost: u64, now: u64) -> (u64, u64) {
        let amount = self.status(now).remaining.min(cost);
        // If another thread was faster, this counts as if nothing was left.
        self.take(amount, now).map_or((0, now), |at| (amount, at))
    }

    fn status(&self, now: u64) -> Status {
        self.store.status(&self.quota, None, now)
    }
}

#[cfg(all(test, not(meshless_loom)))]
mod tests;

#[cfg(all(test, meshless_loom))]
mod loom_tests;
