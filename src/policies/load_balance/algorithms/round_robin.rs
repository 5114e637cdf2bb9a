//! Whose turn it is: each thread counts its own.
//!
//! One count would be a word that all threads write for each choice, so two were slower than one. Envoy's
//! workers take turns without each other as well (its FAQ, "Why doesn't RR load balancing appear to be
//! even?"); they start wherever chance says, and these as far apart as can be.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::alias::below;
use crate::foundation::sync::sharded_arc::{current_shard, shard_count};

/// The turns that each thread has taken.
#[derive(Debug)]
pub(in crate::policies::load_balance) struct RoundRobinCounter {
    /// A power of two of them; more threads than that take turns together.
    shards: Box<[Shard]>,
    /// How many threads have begun.
    begun: AtomicU32,
}

// Two cache lines: processors fetch them in pairs.
#[repr(align(128))]
#[derive(Debug, Default)]
struct Shard {
    next: AtomicU64,
    /// Where in the round this thread begins, in parts of 2^32 of it.
    start: OnceLock<u32>,
}

/// The golden ratio's part of 2^32: so many steps of it after another lie far apart, however many there
/// are (Weyl, Knuth).
const STEP: u32 = 0x9e37_79b9;

impl RoundRobinCounter {
    pub(in crate::policies::load_balance) fn new() -> Self {
        let places = (0..shard_count()).map(|_| Shard::default());
        Self {
            shards: places.collect(),
            begun: AtomicU32::new(0),
        }
    }

    /// Returns the number of this thread's next turn, in rounds of `count`.
    #[inline]
    pub(in crate::policies::load_balance) fn next(&self, count: usize) -> u64 {
        self.at(current_shard(), count)
    }

    fn at(&self, thread: usize, count: usize) -> u64 {
        let place = &self.shards[thread & (self.shards.len() - 1)];
        let start = place.start.get_or_init(|| {
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
            shards: (0..2).map(|_| Shard::default()).collect(),
            ..RoundRobinCounter::new()
        };
        assert_eq!([0, 0, 0].map(|thread| counter.at(thread, 10)), [0, 1, 2]);
        assert_eq!([1, 1, 1].map(|thread| counter.at(thread, 10)), [6, 7, 8]);
        assert_eq!([2, 0, 3].map(|thread| counter.at(thread, 10)), [3, 4, 9]);
    }
}
