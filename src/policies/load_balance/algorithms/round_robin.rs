//! Turns of a round robin, counted for each thread.
//!
//! One shared counter would be written by all threads for each choice, so that two threads were
//! slower than one. Envoy's workers take turns independently as well (its FAQ, "Why doesn't RR load
//! balancing appear to be even?"); they start at random positions, and the threads here as far
//! apart as possible.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::alias::below;
use crate::foundation::sync::Sharded;
use crate::foundation::sync::sharded_arc::current_shard;

/// Turns taken so far, by thread.
#[derive(Debug)]
pub(in crate::policies::load_balance) struct RoundRobinCounter {
    shards: Sharded<Shard>,
    /// Number of shards in use.
    begun: AtomicU32,
}

#[derive(Debug, Default)]
struct Shard {
    next: AtomicU64,
    /// Position in the round at which this thread starts, as a fraction of 2^32.
    start: OnceLock<u32>,
}

/// Golden ratio of 2^32: any number of successive multiples of it are spread evenly over the range
/// (Weyl, Knuth).
const STEP: u32 = 0x9e37_79b9;

impl RoundRobinCounter {
    pub(in crate::policies::load_balance) fn new() -> Self {
        Self {
            shards: Sharded::per_thread(Shard::default),
            begun: AtomicU32::new(0),
        }
    }

    /// Returns the number of this thread's next turn, in rounds of `count`.
    #[inline]
    pub(in crate::policies::load_balance) fn next(&self, count: usize) -> u64 {
        self.at(current_shard(), count)
    }

    fn at(&self, thread: usize, count: usize) -> u64 {
        let place = self.shards.of_thread(thread);
        let start = place.start.get_or_init(|| {
            // Relaxed, here and below: each counter is independent and publishes no other memory.
            let before = self.begun.fetch_add(1, Ordering::Relaxed);
            before.wrapping_mul(STEP)
        });
        let turn = place.next.fetch_add(1, Ordering::Relaxed);
        turn + below(u64::from(*start), count) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_takes_its_turns_as_if_it_were_alone_and_begins_elsewhere() {
        let counter = RoundRobinCounter {
            shards: Sharded::new(2, |_| Shard::default()),
            ..RoundRobinCounter::new()
        };
        assert_eq!([0, 0, 0].map(|thread| counter.at(thread, 10)), [0, 1, 2]);
        assert_eq!([1, 1, 1].map(|thread| counter.at(thread, 10)), [6, 7, 8]);
        assert_eq!([2, 0, 3].map(|thread| counter.at(thread, 10)), [3, 4, 9]);
    }
}
