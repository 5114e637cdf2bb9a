//! Storage of the states, and the application of decisions to them.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::atomic_state::AtomicState;
use crate::policies::rate_limit::machine::sliding_log::{LogState, SlidingLog};
use crate::policies::rate_limit::machine::token_bucket::{Denied, Reservation};
use crate::policies::rate_limit::quota::{Quota, Status};
use crate::policies::rate_limit::state::keyed::KeyedStateStore;

/// The hash of a key; `None` for the one state without a key.
pub(in crate::policies::rate_limit) type KeyHash = Option<u64>;

/// The states of one limiter.
#[derive(Debug)]
pub(in crate::policies::rate_limit) struct Store {
    pub(in crate::policies::rate_limit) bucket: AtomicState,
    pub(in crate::policies::rate_limit) buckets: OnceLock<KeyedStateStore<u64>>,
    log: Mutex<LogState>,
    pub(in crate::policies::rate_limit) logs: OnceLock<KeyedStateStore<LogState>>,
    max_keys: usize,
}

impl Store {
    pub(in crate::policies::rate_limit) fn new(max_keys: usize) -> Self {
        Self {
            bucket: AtomicState::default(),
            buckets: OnceLock::new(),
            log: Mutex::default(),
            logs: OnceLock::new(),
            max_keys,
        }
    }

    pub(in crate::policies::rate_limit) const fn max_keys(&self) -> usize {
        self.max_keys
    }

    /// Pays `cost`, or reserves it within `max_wait`; returns the time of admission.
    #[inline]
    pub(in crate::policies::rate_limit) fn take(
        &self,
        quota: &Quota,
        key_hash: KeyHash,
        cost: u64,
        now: u64,
        max_wait: u64,
    ) -> Result<u64, Denied> {
        match quota {
            Quota::AtMost(most) => self.log(*most, key_hash, now, |log| {
                log.take(*most, cost, now, max_wait)
            }),
            Quota::Bucket(bucket) => self.bucket(key_hash, now, |full_at| {
                match bucket.take(full_at, cost, now, max_wait) {
                    Ok(Reservation { at, full_at }) => (full_at, Ok(at)),
                    Err(denied) => (full_at, Err(denied)),
                }
            }),
            Quota::Off => Ok(now),
        }
    }

    /// Counts `amount` even beyond the limit.
    pub(in crate::policies::rate_limit) fn charge(
        &self,
        quota: &Quota,
        key_hash: KeyHash,
        amount: u64,
        now: u64,
    ) {
        match quota {
            Quota::AtMost(most) => {
                self.log(*most, key_hash, now, |log| log.charge(*most, amount, now));
            }
            Quota::Bucket(bucket) => self.bucket(key_hash, now, |full_at| {
                (bucket.charge(full_at, amount, now), ())
            }),
            Quota::Off => {}
        }
    }

    /// Refunds `amount` of what was counted at the time `at`.
    pub(in crate::policies::rate_limit) fn refund(
        &self,
        quota: &Quota,
        key_hash: KeyHash,
        amount: u64,
        at: u64,
        now: u64,
    ) {
        match quota {
            Quota::AtMost(most) => {
                self.known_log(key_hash, |log| log.refund(*most, amount, at, now));
            }
            Quota::Bucket(bucket) => {
                self.known_bucket(key_hash, |full_at| bucket.refund(full_at, amount));
            }
            Quota::Off => {}
        }
    }

    /// Renews the reservations in `booked`, in order and each as early as possible, after a refund;
    /// returns the new time of each.
    pub(in crate::policies::rate_limit) fn reschedule_waiters(
        &self,
        quota: &Quota,
        key_hash: KeyHash,
        reserved: &[(u64, u64)],
        now: u64,
    ) -> Vec<u64> {
        match quota {
            Quota::AtMost(most) => self.log(*most, key_hash, now, |log| {
                for (at, cost) in reserved {
                    log.refund(*most, *cost, *at, now);
                }
                let again = reserved
                    .iter()
                    .map(|(at, cost)| log.take(*most, *cost, now, u64::MAX).unwrap_or(*at));
                again.collect()
            }),
            Quota::Bucket(bucket) => self.bucket(key_hash, now, |full_at| {
                let give_back = |full_at, (_, cost): &(u64, u64)| bucket.refund(full_at, *cost);
                let mut full_at = reserved.iter().fold(full_at, give_back);
                let again = reserved.iter().map(|(at, cost)| {
                    match bucket.take(full_at, *cost, now, u64::MAX) {
                        Ok(booking) => {
                            full_at = booking.full_at;
                            booking.at
                        }
                        // The limit has become smaller than the cost: the promised time is kept.
                        Err(_) => *at,
                    }
                });
                let again = again.collect();
                (full_at, again)
            }),
            Quota::Off => vec![now; reserved.len()],
        }
    }

    /// Renews a reservation of `cost` promised under an earlier quota; returns its time, which is
    /// no later.
    pub(in crate::policies::rate_limit) fn reschedule(
        &self,
        quota: &Quota,
        key_hash: KeyHash,
        cost: u64,
        promised: u64,
        now: u64,
    ) -> u64 {
        match quota {
            Quota::AtMost(most) => self.log(*most, key_hash, now, |log| {
                log.reschedule(*most, cost, promised, now)
            }),
            Quota::Bucket(bucket) => self.bucket(key_hash, now, |full_at| {
                let booking = bucket.reschedule(full_at, cost, promised, now);
                (booking.full_at, booking.at)
            }),
            Quota::Off => now,
        }
    }

    pub(in crate::policies::rate_limit) fn status(
        &self,
        quota: &Quota,
        key_hash: KeyHash,
        now: u64,
    ) -> Status {
        match quota {
            Quota::AtMost(most) => {
                let known = self.known_log(key_hash, |log| log.status(*most, now));
                known.unwrap_or_else(|| LogState::default().status(*most, now))
            }
            Quota::Bucket(bucket) => {
                let full_at = self.known_bucket(key_hash, |full_at| full_at);
                bucket.status(full_at.unwrap_or(0), now)
            }
            Quota::Off => Status::UNLIMITED,
        }
    }

    pub(in crate::policies::rate_limit) fn evicted(&self) -> u64 {
        let buckets = self.buckets.get().map_or(0, KeyedStateStore::evicted);
        let logs = self.logs.get().map_or(0, KeyedStateStore::evicted);
        buckets + logs
    }

    /// Returns the number of keys that have used a part of their limit.
    pub(in crate::policies::rate_limit) fn keys_in_use(&self, quota: &Quota, now: u64) -> usize {
        let mut keys = 0;
        match quota {
            Quota::AtMost(most) => {
                if let Some(logs) = self.logs.get() {
                    logs.for_each(|_, log| keys += usize::from(log.worth(*most, now) > 0));
                }
            }
            Quota::Bucket(_) => {
                if let Some(buckets) = self.buckets.get() {
                    buckets.for_each(|_, full_at| keys += usize::from(*full_at > now));
                }
            }
            Quota::Off => {}
        }
        keys
    }

    #[inline]
    pub(in crate::policies::rate_limit) fn bucket<T>(
        &self,
        key_hash: KeyHash,
        now: u64,
        mut f: impl FnMut(u64) -> (u64, T),
    ) -> T {
        let Some(hash) = key_hash else {
            return self.bucket.update(f);
        };
        let buckets = self
            .buckets
            .get_or_init(|| KeyedStateStore::new(self.max_keys));
        buckets.with(
            hash,
            |full_at| full_at.saturating_sub(now),
            |full_at| {
                let (next, result) = f(*full_at);
                *full_at = next;
                result
            },
        )
    }

    /// As [`bucket`](Self::bucket), but does not make room for a key that is not known.
    fn known_bucket(&self, key_hash: KeyHash, f: impl Fn(u64) -> u64) -> Option<u64> {
        let Some(hash) = key_hash else {
            return Some(self.bucket.update(|full_at| (f(full_at), f(full_at))));
        };
        self.buckets.get()?.peek(hash, |full_at| {
            *full_at = f(*full_at);
            *full_at
        })
    }

    fn known_log<T>(&self, key_hash: KeyHash, f: impl FnOnce(&mut LogState) -> T) -> Option<T> {
        match key_hash {
            None => Some(f(&mut self.whole_log())),
            Some(hash) => self.logs.get()?.peek(hash, f),
        }
    }

    pub(in crate::policies::rate_limit) fn log<T>(
        &self,
        quota: SlidingLog,
        key_hash: KeyHash,
        now: u64,
        f: impl FnOnce(&mut LogState) -> T,
    ) -> T {
        let Some(hash) = key_hash else {
            return f(&mut self.whole_log());
        };
        let logs = self
            .logs
            .get_or_init(|| KeyedStateStore::new(self.max_keys));
        logs.with(hash, |log| log.worth(quota, now), f)
    }

    pub(in crate::policies::rate_limit) fn whole_log(&self) -> MutexGuard<'_, LogState> {
        // A panic cannot leave a log half changed, so a poisoned lock guards a valid one.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
