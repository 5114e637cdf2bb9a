//! Where the states lie, and how a decision is put into effect.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::at_most::{AtMost, Log};
use super::machine::{Booking, Denied};
use super::quota::{Quota, Status};
use crate::base::keyed::Keyed;
use crate::base::sync::atomic::{AtomicU64, Ordering};

/// The hash of a key; `None` for the one state that everybody shares.
pub(super) type Slot = Option<u64>;

/// The states of one limiter.
#[derive(Debug)]
pub(super) struct Store {
    bucket: Word,
    buckets: OnceLock<Keyed<u64>>,
    log: Mutex<Log>,
    logs: OnceLock<Keyed<Log>>,
    max_keys: usize,
}

impl Store {
    pub(super) fn new(max_keys: usize) -> Self {
        Self {
            bucket: Word::default(),
            buckets: OnceLock::new(),
            log: Mutex::default(),
            logs: OnceLock::new(),
            max_keys,
        }
    }

    pub(super) const fn max_keys(&self) -> usize {
        self.max_keys
    }

    /// Pays `cost`, or books it within `patience`; returns when the call may go on.
    pub(super) fn take(
        &self,
        quota: &Quota,
        slot: Slot,
        cost: u64,
        now: u64,
        patience: u64,
    ) -> Result<u64, Denied> {
        match quota {
            Quota::AtMost(most) => {
                self.log(*most, slot, now, |log| log.take(*most, cost, now, patience))
            }
            Quota::Bucket(bucket) => self.bucket(slot, now, |full_at| {
                match bucket.take(full_at, cost, now, patience) {
                    Ok(Booking { at, full_at }) => (full_at, Ok(at)),
                    Err(denied) => (full_at, Err(denied)),
                }
            }),
            Quota::Off => Ok(now),
        }
    }

    /// Counts `amount` whatever is left.
    pub(super) fn charge(&self, quota: &Quota, slot: Slot, amount: u64, now: u64) {
        match quota {
            Quota::AtMost(most) => {
                self.log(*most, slot, now, |log| log.charge(*most, amount, now));
            }
            Quota::Bucket(bucket) => self.bucket(slot, now, |full_at| {
                (bucket.charge(full_at, amount, now), ())
            }),
            Quota::Off => {}
        }
    }

    /// Takes back `amount` of what was counted at the time `at`.
    pub(super) fn give_back(&self, quota: &Quota, slot: Slot, amount: u64, at: u64, now: u64) {
        match quota {
            Quota::AtMost(most) => {
                self.log(*most, slot, now, |log| {
                    log.give_back(*most, amount, at, now);
                });
            }
            Quota::Bucket(bucket) => {
                self.bucket(slot, now, |full_at| (bucket.give_back(full_at, amount), ()));
            }
            Quota::Off => {}
        }
    }

    /// Books the costs of `booked` anew, in their order and each as early as can be, after something
    /// was given back; returns when each may go on.
    pub(super) fn move_up(
        &self,
        quota: &Quota,
        slot: Slot,
        booked: &[(u64, u64)],
        now: u64,
    ) -> Vec<u64> {
        match quota {
            Quota::AtMost(most) => self.log(*most, slot, now, |log| {
                for (at, cost) in booked {
                    log.give_back(*most, *cost, *at, now);
                }
                let again = booked
                    .iter()
                    .map(|(at, cost)| log.take(*most, *cost, now, u64::MAX).unwrap_or(*at));
                again.collect()
            }),
            Quota::Bucket(bucket) => self.bucket(slot, now, |full_at| {
                let give_back = |full_at, (_, cost): &(u64, u64)| bucket.give_back(full_at, *cost);
                let mut full_at = booked.iter().fold(full_at, give_back);
                let again = booked.iter().map(|(at, cost)| {
                    match bucket.take(full_at, *cost, now, u64::MAX) {
                        Ok(booking) => {
                            full_at = booking.full_at;
                            booking.at
                        }
                        // The limit is smaller than it was: the place stays as promised.
                        Err(_) => *at,
                    }
                });
                let again = again.collect();
                (full_at, again)
            }),
            Quota::Off => vec![now; booked.len()],
        }
    }

    pub(super) fn status(&self, quota: &Quota, slot: Slot, now: u64) -> Status {
        match quota {
            Quota::AtMost(most) => self.log(*most, slot, now, |log| log.status(*most, now)),
            Quota::Bucket(bucket) => {
                self.bucket(slot, now, |full_at| (full_at, bucket.status(full_at, now)))
            }
            Quota::Off => Status::UNLIMITED,
        }
    }

    pub(super) fn evicted(&self) -> u64 {
        let buckets = self.buckets.get().map_or(0, Keyed::evicted);
        let logs = self.logs.get().map_or(0, Keyed::evicted);
        buckets + logs
    }

    /// Turns what was counted under `old` into what that is under `new`.
    pub(super) fn carry(&self, old: &Quota, new: &Quota, now: u64) {
        match (old, new) {
            // Entries are times and amounts, which hold for any limit.
            (Quota::AtMost(_), Quota::AtMost(_)) | (Quota::Off, _) | (_, Quota::Off) => {}
            (Quota::AtMost(old), Quota::Bucket(_)) => {
                self.each_log(|slot, log| {
                    self.count(new, slot, std::mem::take(log).used(*old, now), now);
                });
            }
            (Quota::Bucket(old), Quota::AtMost(_)) => self.each_bucket(|slot, full_at| {
                self.count(new, slot, old.used(full_at, now), now);
                0
            }),
            (Quota::Bucket(old), Quota::Bucket(new)) => {
                self.each_bucket(|_, full_at| new.with_used(old.used(full_at, now), now));
            }
        }
    }

    /// Moves what was counted under `quota` to a store that remembers another number of keys.
    pub(super) fn resized(&self, quota: &Quota, max_keys: usize, now: u64) -> Self {
        let other = Self::new(max_keys);
        match quota {
            Quota::AtMost(most) => self.each_log(|slot, log| {
                other.log(*most, slot, now, |new| *new = std::mem::take(log));
            }),
            Quota::Bucket(_) => self.each_bucket(|slot, full_at| {
                other.bucket(slot, now, |_| (full_at, ()));
                full_at
            }),
            Quota::Off => {}
        }
        other
    }

    fn each_bucket(&self, mut f: impl FnMut(Slot, u64) -> u64) {
        self.bucket.update(|full_at| (f(None, full_at), ()));
        if let Some(buckets) = self.buckets.get() {
            buckets.for_each(|hash, full_at| *full_at = f(Some(hash), *full_at));
        }
    }

    fn each_log(&self, mut f: impl FnMut(Slot, &mut Log)) {
        f(None, &mut self.whole_log());
        if let Some(logs) = self.logs.get() {
            logs.for_each(|hash, log| f(Some(hash), log));
        }
    }

    fn count(&self, quota: &Quota, slot: Slot, used: u64, now: u64) {
        let used = match quota {
            Quota::AtMost(most) => used.min(most.limit),
            Quota::Bucket(bucket) => used.min(bucket.max_tokens()),
            Quota::Off => 0,
        };
        if used > 0 {
            self.charge(quota, slot, used, now);
        }
    }

    fn bucket<T>(&self, slot: Slot, now: u64, mut f: impl FnMut(u64) -> (u64, T)) -> T {
        let Some(hash) = slot else {
            return self.bucket.update(f);
        };
        let buckets = self.buckets.get_or_init(|| Keyed::new(self.max_keys));
        buckets.with(
            hash,
            now,
            |full_at| *full_at,
            |full_at| {
                let (next, result) = f(*full_at);
                *full_at = next;
                result
            },
        )
    }

    fn log<T>(&self, quota: AtMost, slot: Slot, now: u64, f: impl FnOnce(&mut Log) -> T) -> T {
        let Some(hash) = slot else {
            return f(&mut self.whole_log());
        };
        let logs = self.logs.get_or_init(|| Keyed::new(self.max_keys));
        logs.with(hash, now, |log| log.idle_at(quota), f)
    }

    fn whole_log(&self) -> MutexGuard<'_, Log> {
        // A log has no half-made states, so a poisoned lock still guards a good one.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A state of one word that many threads decide on without a lock.
#[derive(Debug, Default)]
struct Word(AtomicU64);

impl Word {
    /// Replaces the state by what `decide` makes of it; `decide` runs again if another was faster.
    fn update<T>(&self, mut decide: impl FnMut(u64) -> (u64, T)) -> T {
        // Nothing else is published with the word, so no order is needed.
        let mut old = self.0.load(Ordering::Relaxed);
        loop {
            let (new, result) = decide(old);
            if new == old {
                return result;
            }
            let swap = self
                .0
                .compare_exchange_weak(old, new, Ordering::Relaxed, Ordering::Relaxed);
            match swap {
                Ok(_) => return result,
                Err(now) => old = now,
            }
        }
    }
}
