//! Random numbers. State machines take random bits as an argument; only services own a generator.

use std::cell::Cell;
use std::sync::Arc;

use super::primitives::atomic::{AtomicU64, Ordering};

/// A random number generator: seeded differently in every process, or with a fixed sequence for
/// tests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rng(Option<Arc<AtomicU64>>);

impl Rng {
    /// Creates a generator with the sequence of `seed`, shared by all clones.
    pub(crate) fn with_seed(seed: u64) -> Self {
        Self(Some(Arc::new(AtomicU64::new(seed))))
    }

    /// Returns 64 random bits.
    #[inline]
    pub(crate) fn next_u64(&self) -> u64 {
        match &self.0 {
            None => thread_random(),
            // Relaxed: clones need distinct numbers, not an order between them.
            Some(state) => mix(state.fetch_add(GAMMA, Ordering::Relaxed)),
        }
    }
}

/// Returns 64 bits from a thread-local generator, without shared state or contention.
///
/// Its quality suffices for jitter and sampling. Seeded by `fastrand`, it takes a fifth of its
/// instructions: `fastrand` takes its generator out of its thread-local and puts it back for each
/// number.
#[inline]
fn thread_random() -> u64 {
    thread_local! {
        /// 0 until the first call, which seeds it.
        static STATE: Cell<u64> = const { Cell::new(0) };
    }
    let state = match STATE.get() {
        0 => fastrand::u64(..),
        state => state.wrapping_add(GAMMA),
    };
    STATE.set(state);
    mix(state)
}

/// The increment of `SplitMix64` (Steele, Lea, Flood 2014): the golden ratio in 64 bits, made odd.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Returns the output function of `SplitMix64`, which spreads the counter over all bits.
pub(crate) const fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(GAMMA);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_fixes_the_sequence_for_all_clones_together() {
        let (one, two) = (Rng::with_seed(7), Rng::with_seed(7));
        let twin = two.clone();
        let expected: Vec<_> = (0..4).map(|_| one.next_u64()).collect();
        let interleaved = [
            two.next_u64(),
            twin.next_u64(),
            two.next_u64(),
            twin.next_u64(),
        ];
        assert_eq!(interleaved.as_slice(), expected);
    }

    #[test]
    fn threads_roll_apart() {
        let rolls = || {
            (0..4)
                .map(|_| Rng::default().next_u64())
                .collect::<Vec<_>>()
        };
        let (here, there) = (rolls(), std::thread::spawn(rolls).join().unwrap());
        let all: std::collections::HashSet<_> = here.into_iter().chain(there).collect();
        assert_eq!(all.len(), 8);
    }

    #[test]
    fn the_first_output_is_that_of_the_reference_implementation() {
        assert_eq!(
            Rng::with_seed(1_234_567).next_u64(),
            6_457_827_717_110_365_317
        );
    }
}
