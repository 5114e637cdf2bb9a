//! Chance, as an argument: machines get a roll, and only services own dice.

use std::sync::Arc;

use super::sync::atomic::{AtomicU64, Ordering};

/// A source of chance: different in every process, or a fixed sequence for tests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dice(Option<Arc<AtomicU64>>);

impl Dice {
    /// Creates dice whose rolls follow from `seed`, shared by all clones.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(AtomicU64::new(seed))))
    }

    /// Returns 64 random bits.
    pub(crate) fn roll(&self) -> u64 {
        match &self.0 {
            // The thread's own generator: nothing shared, so nothing contended.
            None => fastrand::u64(..),
            Some(state) => mix(state.fetch_add(GAMMA, Ordering::Relaxed)),
        }
    }
}

/// The odd constant of `SplitMix64` (Steele, Lea, Flood 2014), the golden ratio in 64 bits.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of `SplitMix64`: spreads what was counted over all bits.
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
        let (one, two) = (Dice::seeded(7), Dice::seeded(7));
        let twin = two.clone();
        let expected: Vec<_> = (0..4).map(|_| one.roll()).collect();
        let interleaved = [two.roll(), twin.roll(), two.roll(), twin.roll()];
        assert_eq!(interleaved.as_slice(), expected);
    }

    #[test]
    fn the_first_output_is_that_of_the_reference_implementation() {
        assert_eq!(Dice::seeded(1_234_567).roll(), 6_457_827_717_110_365_317);
    }
}
