//! The state machine of an exact limit: a log of admitted amounts until their period is over.

use std::collections::VecDeque;

use super::token_bucket::Denied;
use crate::policies::rate_limit::Status;

/// Maximum number of exact entries; see [`LogState::compact`].
const EXACT: usize = 128;
/// Merged entries count too long, by up to this fraction of a period.
const CELLS: u64 = 64;

/// A limit of `limit` in any `period`. Times are nanoseconds from the limiter's origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::policies::rate_limit) struct SlidingLog {
    pub(in crate::policies::rate_limit) limit: u64,
    pub(in crate::policies::rate_limit) period: u64,
}

/// Amounts admitted within the last period, and amounts reserved for later.
#[derive(Clone, Debug, Default)]
pub(in crate::policies::rate_limit) struct LogState {
    /// Ordered by time.
    entries: VecDeque<Entry>,
    /// The latest time seen: a call whose clock was read earlier is treated as current.
    latest: u64,
    total: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    amount: u64,
    at: u64,
}

impl LogState {
    /// Admits `cost`, or reserves it if there is room within `max_wait`; returns the time of
    /// admission.
    pub(in crate::policies::rate_limit) fn take(
        &mut self,
        quota: SlidingLog,
        cost: u64,
        now: u64,
        max_wait: u64,
    ) -> Result<u64, Denied> {
        let now = self.advance(quota, now);
        if cost == 0 {
            return Ok(now);
        }
        if cost > quota.limit {
            return Err(Denied(None));
        }
        let at = self.room_at(quota, cost, now);
        if at - now > max_wait {
            return Err(Denied(Some(at - now)));
        }
        self.write(quota, cost, at);
        Ok(at)
    }

    /// Counts `amount` now, even beyond the limit.
    pub(in crate::policies::rate_limit) fn charge(
        &mut self,
        quota: SlidingLog,
        amount: u64,
        now: u64,
    ) {
        let now = self.advance(quota, now);
        if amount > 0 {
            self.write(quota, amount, now);
        }
    }

    /// Reserves `cost` once more, after it was promised for the time `promised`: earlier if there
    /// is room, never later.
    pub(in crate::policies::rate_limit) fn reschedule(
        &mut self,
        quota: SlidingLog,
        cost: u64,
        promised: u64,
        now: u64,
    ) -> u64 {
        let now = self.advance(quota, now);
        let at = if cost > quota.limit {
            promised
        } else {
            self.room_at(quota, cost, now).min(promised)
        };
        self.write(quota, cost, at);
        at
    }

    /// Refunds `amount` of what was counted at the time `at`.
    pub(in crate::policies::rate_limit) fn refund(
        &mut self,
        quota: SlidingLog,
        amount: u64,
        at: u64,
        now: u64,
    ) {
        self.advance(quota, now);
        let index = self.entries.partition_point(|entry| entry.at < at);
        // After a period the amount has expired by itself, and a refund would count twice.
        if at.saturating_add(quota.period) <= self.latest {
            return;
        }
        if let Some(entry) = self.entries.get_mut(index) {
            let amount = amount.min(entry.amount);
            entry.amount -= amount;
            self.total -= amount;
            if entry.amount == 0 {
                self.entries.remove(index);
            }
        }
    }

    pub(in crate::policies::rate_limit) fn status(
        &mut self,
        quota: SlidingLog,
        now: u64,
    ) -> Status {
        let now = self.advance(quota, now);
        let remaining = quota.limit.saturating_sub(self.total);
        let reset = if remaining > 0 {
            0
        } else {
            self.room_at(quota, 1, now) - now
        };
        let full_at = self.idle_at(quota);
        Status::new(quota.limit, remaining, reset, full_at.saturating_sub(now))
    }

    /// Returns the amount that counts at `now`.
    pub(in crate::policies::rate_limit) fn used(&mut self, quota: SlidingLog, now: u64) -> u64 {
        self.advance(quota, now);
        self.total
    }

    /// Adds the entries of another log.
    pub(in crate::policies::rate_limit) fn merge(&mut self, quota: SlidingLog, other: Self) {
        self.latest = self.latest.max(other.latest);
        for entry in other.entries {
            self.write(quota, entry.amount, entry.at);
        }
    }

    /// Splits off the latest entries, up to `limit` in total.
    ///
    /// The latest first: entries that fit into no part are then the ones that expire first.
    pub(in crate::policies::rate_limit) fn split_off(
        &mut self,
        quota: SlidingLog,
        limit: u64,
        now: u64,
    ) -> Self {
        let latest = self.advance(quota, now);
        let mut part = Self {
            entries: VecDeque::new(),
            latest,
            total: 0,
        };
        while part.total < limit
            && let Some(last) = self.entries.back_mut()
        {
            let amount = last.amount.min(limit - part.total);
            let at = last.at;
            last.amount -= amount;
            if last.amount == 0 {
                self.entries.pop_back();
            }
            self.total -= amount;
            part.total += amount;
            part.entries.push_front(Entry { amount, at });
        }
        part
    }

    /// Returns the loss if this log were evicted: the amount that counts, then the time for which
    /// it counts. By the time alone, a flood of newer keys would evict one that is being limited.
    pub(in crate::policies::rate_limit) fn worth(&self, quota: SlidingLog, now: u64) -> u64 {
        match self.idle_at(quota).saturating_sub(now) {
            // Amount in the upper half, time in the lower one, in steps of about a millisecond.
            0 => 0,
            left => (self.total.clamp(1, 1 << 31) << 32) | (left >> 20).min(u64::from(u32::MAX)),
        }
    }

    /// Returns the time at which every entry has expired.
    fn idle_at(&self, quota: SlidingLog) -> u64 {
        let last = self.entries.back();
        last.map_or(0, |entry| entry.at.saturating_add(quota.period))
    }

    fn advance(&mut self, quota: SlidingLog, now: u64) -> u64 {
        // Threads read the clock before the lock, so times may arrive out of order.
        self.latest = self.latest.max(now);
        while let Some(entry) = self.entries.front()
            && entry.at.saturating_add(quota.period) <= self.latest
        {
            self.total -= entry.amount;
            self.entries.pop_front();
        }
        self.latest
    }

    /// Returns the earliest time with room for `cost`, after everything that is reserved.
    fn room_at(&self, quota: SlidingLog, cost: u64, now: u64) -> u64 {
        // Never before the last reservation: first come, first served.
        let mut at = self.entries.back().map_or(now, |last| last.at.max(now));
        let mut excess = self.total.saturating_add(cost).saturating_sub(quota.limit);
        for entry in &self.entries {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(entry.amount);
            at = at.max(entry.at.saturating_add(quota.period));
        }
        at
    }

    fn write(&mut self, quota: SlidingLog, amount: u64, at: u64) {
        // The total is always the sum of the entries, so none of them can be more than it has room for.
        let amount = amount.min(u64::MAX - self.total);
        self.total += amount;
        let index = self.entries.partition_point(|entry| entry.at <= at);
        if let Some(before) = index.checked_sub(1).and_then(|i| self.entries.get_mut(i))
            && before.at == at
        {
            before.amount = before.amount.saturating_add(amount);
            return;
        }
        self.entries.insert(index, Entry { amount, at });
        if self.entries.len() > EXACT {
            self.compact(quota);
        }
    }

    /// Merges entries within the same 64th of a period into the latest of them. They then count
    /// longer, so the limit is never exceeded in any period. Reserved entries are kept apart,
    /// because they may be refunded.
    fn compact(&mut self, quota: SlidingLog) {
        let cell = (quota.period / CELLS).max(1);
        let latest = self.latest;
        let mut kept: VecDeque<Entry> = VecDeque::with_capacity(EXACT);
        for entry in self.entries.drain(..) {
            match kept.back_mut() {
                Some(last) if entry.at <= latest && last.at / cell == entry.at / cell => {
                    last.amount = last.amount.saturating_add(entry.amount);
                    last.at = entry.at;
                }
                _ => kept.push_back(entry),
            }
        }
        self.entries = kept;
    }
}

#[cfg(test)]
mod tests;
