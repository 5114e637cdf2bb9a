//! The exact limit's decisions: what was let in is written down until its period is over.

use std::collections::VecDeque;

use super::token_bucket::Denied;
use crate::policies::rate_limit::Status;

/// So many entries are kept apart; see [`LogState::compact`].
const EXACT: usize = 128;
/// What had to be merged counts for up to this part of a period too long.
const CELLS: u64 = 64;

/// At most `limit` in any `period`. Times are nanoseconds from the limiter's origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::policies::rate_limit) struct SlidingLog {
    pub(in crate::policies::rate_limit) limit: u64,
    pub(in crate::policies::rate_limit) period: u64,
}

/// What was let in within the last period, and what is booked for times to come.
#[derive(Clone, Debug, Default)]
pub(in crate::policies::rate_limit) struct LogState {
    /// In the order of time.
    entries: VecDeque<Entry>,
    /// The latest time seen: a caller whose clock was read earlier is treated as one of now.
    latest: u64,
    total: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    amount: u64,
    at: u64,
}

impl LogState {
    /// Lets `cost` in, or books it if there is room within `max_wait`; returns when it may go on.
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

    /// Counts `amount` from now on, whatever room there is.
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

    /// Books `cost` anew that was promised for the time `promised`: earlier if there is room, later
    /// never.
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

    /// Takes back `amount` of what was written down for the time `at`.
    pub(in crate::policies::rate_limit) fn refund(
        &mut self,
        quota: SlidingLog,
        amount: u64,
        at: u64,
        now: u64,
    ) {
        self.advance(quota, now);
        let index = self.entries.partition_point(|entry| entry.at < at);
        // A period later there is nothing left to give back: it stopped to count by itself.
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

    /// Returns how much counts at `now`.
    pub(in crate::policies::rate_limit) fn used(&mut self, quota: SlidingLog, now: u64) -> u64 {
        self.advance(quota, now);
        self.total
    }

    /// Writes down what another log has, too.
    pub(in crate::policies::rate_limit) fn merge(&mut self, quota: SlidingLog, other: Self) {
        self.latest = self.latest.max(other.latest);
        for entry in other.entries {
            self.write(quota, entry.amount, entry.at);
        }
    }

    /// Splits off the latest, up to `limit` of it.
    ///
    /// The latest first: what does not fit into any part then is over before anything that does.
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

    /// Returns how much would be lost with this log: what counts first, and then for how long. By
    /// the time alone, a flood of later keys would drive out one that is being limited.
    pub(in crate::policies::rate_limit) fn worth(&self, quota: SlidingLog, now: u64) -> u64 {
        match self.idle_at(quota).saturating_sub(now) {
            0 => 0,
            left => (self.total.clamp(1, 1 << 31) << 32) | (left >> 20).min(u64::from(u32::MAX)),
        }
    }

    /// Returns when nothing written down will count any more.
    fn idle_at(&self, quota: SlidingLog) -> u64 {
        let last = self.entries.back();
        last.map_or(0, |entry| entry.at.saturating_add(quota.period))
    }

    fn advance(&mut self, quota: SlidingLog, now: u64) -> u64 {
        self.latest = self.latest.max(now);
        while let Some(entry) = self.entries.front()
            && entry.at.saturating_add(quota.period) <= self.latest
        {
            self.total -= entry.amount;
            self.entries.pop_front();
        }
        self.latest
    }

    /// Returns when `cost` fits in, behind everything that is booked.
    fn room_at(&self, quota: SlidingLog, cost: u64, now: u64) -> u64 {
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

    /// Merges what lies within the same 64th of a period, towards the later time: it counts for
    /// longer, so there is never more than the limit in any period. What is booked is left alone,
    /// because it may be given back.
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
