//! Requests without an answer.

use std::time::{Duration, Instant};

/// Parts of the time for an answer.
const PARTS: u32 = 16;

/// One more slot, which is that of now.
const SLOTS: u64 = PARTS as u64;

/// Requests in flight by the time at which they began, in a ring of as many slots as the time for an
/// answer has parts: those that leave it without an end are overdue.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    since: Instant,
    /// Number of the ring's oldest slot.
    oldest: u64,
    slots: [u32; PARTS as usize + 1],
    slot: Duration,
}

impl InFlight {
    pub(super) fn new(answer_within: Duration, now: Instant) -> Self {
        let slot = answer_within / PARTS;
        Self {
            since: now,
            oldest: 0,
            slots: [0; PARTS as usize + 1],
            slot,
        }
    }

    pub(super) fn begin(&mut self, now: Instant) {
        if let Some(count) = self.number(now).and_then(|number| self.at(number)) {
            *count = count.saturating_add(1);
        }
    }

    /// Ends a request that began at `began`.
    pub(super) fn end(&mut self, began: Instant) {
        if let Some(count) = self.number(began).and_then(|number| self.at(number)) {
            *count = count.saturating_sub(1);
        }
    }

    /// Returns the number of requests that became overdue.
    pub(super) fn overdue(&mut self, now: Instant) -> u32 {
        let Some(number) = self.number(now) else {
            return 0;
        };
        let oldest = number.saturating_sub(SLOTS);
        let mut overdue = 0_u32;
        // The ring turns once at the most, however long ago the last call was.
        let turns = oldest.saturating_sub(self.oldest).min(SLOTS + 1);
        for n in self.oldest..self.oldest + turns {
            if let Some(count) = self.slots.get_mut(Self::index(n)) {
                overdue = overdue.saturating_add(std::mem::take(count));
            }
        }
        self.oldest = self.oldest.max(oldest);
        overdue
    }

    /// Returns the number of the slot of a time; none if requests are not waited for.
    fn number(&self, at: Instant) -> Option<u64> {
        let elapsed = at.checked_duration_since(self.since)?.as_nanos();
        let number = elapsed.checked_div(self.slot.as_nanos())?;
        u64::try_from(number).ok()
    }

    fn at(&mut self, number: u64) -> Option<&mut u32> {
        let in_ring = (self.oldest..=self.oldest + SLOTS).contains(&number);
        self.slots.get_mut(Self::index(number)).filter(|_| in_ring)
    }

    fn index(number: u64) -> usize {
        usize::try_from(number % (SLOTS + 1)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::time::clock::now;

    #[test]
    fn what_does_not_end_in_time_is_overdue_once() {
        let start = now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut in_flight = InFlight::new(Duration::from_secs(16), start);
        in_flight.begin(at(500));
        in_flight.begin(at(700));
        in_flight.end(at(500));
        assert_eq!(in_flight.overdue(at(16_400)), 0);
        assert_eq!(in_flight.overdue(at(17_000)), 1);
        assert_eq!(in_flight.overdue(at(90_000)), 0);
        in_flight.begin(at(90_000));
        assert_eq!(in_flight.overdue(at(9_000_000)), 1);
    }
}
