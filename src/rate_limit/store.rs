//! Where the states lie, and how a decision is put into effect.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::at_most::{AtMost, Log};
use super::machine::{Booking, Denied};
use super::quota::{Quota, Status};
use super::word::Word;
use crate::base::keyed::Keyed;

/// The hash of a key; `None` for the one state that everybody shares.
pub(super) type Slot = Option<u64>;

/// The states of one limiter.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) bucket: Word,
    pub(super) buckets: OnceLock<Keyed<u64>>,
    log: Mutex<Log>,
    pub(super) logs: OnceLock<Keyed<Log>>,
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
    #[inline]
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
                self.known_log(slot, |log| log.give_back(*most, amount, at, now));
            }
            Quota::Bucket(bucket) => {
                self.known_bucket(slot, |full_at| bucket.give_back(full_at, amount));
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

    /// Books `cost` under a new quota that was promised for a time under the one before; returns when
    /// it may go on, which is no later.
    pub(super) fn rebook(
        &self,
        quota: &Quota,
        slot: Slot,
        cost: u64,
        promised: u64,
        now: u64,
    ) -> u64 {
        match quota {
            Quota::AtMost(most) => self.log(*most, slot, now, |log| {
                log.rebook(*most, cost, promised, now)
            }),
            Quota::Bucket(bucket) => self.bucket(slot, now, |full_at| {
                let booking = bucket.rebook(full_at, cost, promised, now);
                (booking.full_at, booking.at)
            }),
            Quota::Off => now,
        }
    }

    pub(super) fn status(&self, quota: &Quota, slot: Slot, now: u64) -> Status {
        match quota {
            Quota::AtMost(most) => {
                let known = self.known_log(slot, |log| log.status(*most, now));
                known.unwrap_or_else(|| Log::default().status(*most, now))
            }
            Quota::Bucket(bucket) => {
                let full_at = self.known_bucket(slot, |full_at| full_at);
                bucket.status(full_at.unwrap_or(0), now)
            }
            Quota::Off => Status::UNLIMITED,
        }
    }

    pub(super) fn evicted(&self) -> u64 {
        let buckets = self.buckets.get().map_or(0, Keyed::evicted);
        let logs = self.logs.get().map_or(0, Keyed::evicted);
        buckets + logs
    }

    #[inline]
    pub(super) fn bucket<T>(&self, slot: Slot, now: u64, mut f: impl FnMut(u64) -> (u64, T)) -> T {
        let Some(hash) = slot else {
            return self.bucket.update(f);
        };
        let buckets = self.buckets.get_or_init(|| Keyed::new(self.max_keys));
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
    fn known_bucket(&self, slot: Slot, f: impl Fn(u64) -> u64) -> Option<u64> {
        let Some(hash) = slot else {
            return Some(self.bucket.update(|full_at| (f(full_at), f(full_at))));
        };
        self.buckets.get()?.peek(hash, |full_at| {
            *full_at = f(*full_at);
            *full_at
        })
    }

    fn known_log<T>(&self, slot: Slot, f: impl FnOnce(&mut Log) -> T) -> Option<T> {
        match slot {
            None => Some(f(&mut self.whole_log())),
            Some(hash) => self.logs.get()?.peek(hash, f),
        }
    }

    pub(super) fn log<T>(
        &self,
        quota: AtMost,
        slot: Slot,
        now: u64,
        f: impl FnOnce(&mut Log) -> T,
    ) -> T {
        let Some(hash) = slot else {
            return f(&mut self.whole_log());
        };
        let logs = self.logs.get_or_init(|| Keyed::new(self.max_keys));
        logs.with(hash, |log| log.worth(quota, now), f)
    }

    pub(super) fn whole_log(&self) -> MutexGuard<'_, Log> {
        // A log has no half-made states, so a poisoned lock still guards a good one.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
