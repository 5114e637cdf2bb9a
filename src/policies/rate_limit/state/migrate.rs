//! Migrates counters when the policy is replaced.

use std::mem;

use super::store::{KeyHash, Store};
use crate::policies::rate_limit::machine::sliding_log::LogState;
use crate::policies::rate_limit::quota::Quota;

impl Store {
    /// Converts what was counted under `old` into counts under `new`.
    pub(in crate::policies::rate_limit) fn migrate_state(
        &self,
        old: &Quota,
        new: &Quota,
        now: u64,
    ) {
        match (old, new) {
            // Log entries are times and amounts, which are valid for any limit and period.
            (Quota::AtMost(_), Quota::AtMost(_)) | (Quota::Off, _) | (_, Quota::Off) => {}
            (Quota::AtMost(old), Quota::Bucket(_)) => {
                self.each_log(|key_hash, log| {
                    self.count(new, key_hash, mem::take(log).used(*old, now), now);
                });
            }
            (Quota::Bucket(old), Quota::AtMost(_)) => self.each_bucket(|key_hash, full_at| {
                self.count(new, key_hash, old.used(full_at, now), now);
                0
            }),
            (Quota::Bucket(old), Quota::Bucket(new)) => {
                self.each_bucket(|_, full_at| new.with_used(old.used(full_at, now), now));
            }
        }
    }

    /// Copies what was counted under `quota` into a store with another maximum of keys.
    pub(in crate::policies::rate_limit) fn with_size(
        &self,
        quota: &Quota,
        max_keys: usize,
        now: u64,
    ) -> Self {
        let other = Self::new(max_keys);
        match quota {
            Quota::AtMost(most) => self.each_log(|key_hash, log| {
                other.log(*most, key_hash, now, |new| *new = mem::take(log));
            }),
            Quota::Bucket(_) => self.each_bucket(|key_hash, full_at| {
                other.bucket(key_hash, now, |_| (full_at, ()));
                full_at
            }),
            Quota::Off => {}
        }
        other
    }

    fn each_bucket(&self, mut f: impl FnMut(KeyHash, u64) -> u64) {
        self.bucket.update(|full_at| (f(None, full_at), ()));
        if let Some(buckets) = self.buckets.get() {
            buckets.for_each(|hash, full_at| *full_at = f(Some(hash), *full_at));
        }
    }

    fn each_log(&self, mut f: impl FnMut(KeyHash, &mut LogState)) {
        f(None, &mut self.whole_log());
        if let Some(logs) = self.logs.get() {
            logs.for_each(|hash, log| f(Some(hash), log));
        }
    }

    fn count(&self, quota: &Quota, key_hash: KeyHash, used: u64, now: u64) {
        let used = match quota {
            // Usage above the new limit would block calls for longer than the limit's own period.
            Quota::AtMost(most) => used.min(most.limit),
            Quota::Bucket(bucket) => used.min(bucket.max_tokens()),
            Quota::Off => 0,
        };
        if used > 0 {
            self.charge(quota, key_hash, used, now);
        }
    }
}
