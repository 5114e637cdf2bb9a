use std::time::Duration;

use crate::foundation::sync::primitives::atomic::{AtomicU64, Ordering};

/// Parts of an interval, one of which is forgotten at a time, as in Envoy.
const SLOTS: usize = 10;
/// Bits of a slot that count requests.
const REQUESTS: u64 = 0xffff_ffff;

/// Number of requests that began in the last interval.
#[derive(Debug)]
pub(super) struct RequestWindow {
    /// Number of the part of time in the upper half, requests in the lower.
    slots: [AtomicU64; SLOTS],
}

impl RequestWindow {
    pub(super) fn new() -> Self {
        Self {
            slots: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Counts a request that begins `nanos` after the origin.
    pub(super) fn count(&self, interval: Duration, nanos: u64) {
        let part = part(interval, nanos);
        // Relaxed: the word publishes no other memory.
        let relaxed = Ordering::Relaxed;
        let next = |word| match halves(word) {
            (own, requests) if own == part => Some(join(part, requests.saturating_add(1))),
            _ => Some(join(part, 1)),
        };
        let _ = self.slots[part as usize % SLOTS].fetch_update(relaxed, relaxed, next);
    }

    /// Returns how many requests began in the interval before `nanos`, to a tenth of it.
    pub(super) fn requests(&self, interval: Duration, nanos: u64) -> u32 {
        let now = part(interval, nanos);
        let words = self.slots.iter().map(|slot| slot.load(Ordering::Relaxed));
        words.map(halves).fold(0, |sum: u32, (part, requests)| {
            let is_in = (now.wrapping_sub(part) as usize) < SLOTS;
            sum.saturating_add(if is_in { requests } else { 0 })
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "parts are compared by their distance, which wraps"
)]
fn part(interval: Duration, nanos: u64) -> u32 {
    let length = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX) / SLOTS as u64;
    (nanos / length.max(1)) as u32
}

const fn halves(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, (word & REQUESTS) as u32)
}

const fn join(part: u32, requests: u32) -> u64 {
    (part as u64) << 32 | requests as u64
}

#[cfg(all(test, not(meshless_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_request_counts_for_an_interval_to_a_tenth_of_it() {
        let (second, window) = (Duration::from_secs(1), RequestWindow::new());
        for millis in [0, 450, 950] {
            window.count(second, millis * 1_000_000);
        }
        let counts = [0, 499, 999, 1_000, 1_399, 1_400, 1_900, 9_000];
        let counts = counts.map(|millis| window.requests(second, millis * 1_000_000));
        assert_eq!(counts[2..], [3, 2, 2, 1, 0, 0]);
    }
}
