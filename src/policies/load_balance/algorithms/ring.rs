//! Ring hash (ketama): a consistent mapping of keys to endpoints.
//!
//! Envoy divides a ring of fixed size among the endpoints, so a new endpoint takes points from all
//! others, and their keys move between them. Here the number of an endpoint's points depends on its
//! weight alone, so keys move only to endpoints that join and from endpoints that leave.

use std::collections::HashSet;

use crate::foundation::sync::hash::hash;
use crate::foundation::sync::rng::mix;

/// Limit on the points of a ring; beyond it, memory grows faster than evenness.
const MAX_SIZE: u64 = 262_144;

/// Hash ring: points that belong to one endpoint each.
#[derive(Clone, Debug)]
pub(in crate::policies::load_balance) struct Ring {
    /// Upper half of each point, with the index of its endpoint; sorted by the whole point.
    points: Box<[(u32, u32)]>,
    /// For each of many equal parts of the ring, the index of its first point. The points are
    /// spread evenly, so a key is found with two memory accesses; a binary search touches another
    /// cache line in each step.
    starts: Box<[u32]>,
    /// Shift that maps the upper half of a key to the number of its part.
    shift: u32,
}

impl Ring {
    /// Creates a ring for endpoints, each an address and a weight above 0; two endpoints of the
    /// lowest weight together get `min_size` points.
    pub(in crate::policies::load_balance) fn of(endpoints: &[(&str, u32)], min_size: u32) -> Self {
        // Weights of 100 and 200 need no more points than 1 and 2.
        let unit = endpoints
            .iter()
            .fold(0, |unit, (_, weight)| gcd(unit, *weight));
        let each = |weight: u32| u64::from(weight / unit) * u64::from(min_size.div_ceil(2).max(1));
        let size: u64 = endpoints.iter().map(|(_, weight)| each(*weight)).sum();
        let mut identities = HashSet::with_capacity(endpoints.len());
        let mut places = Vec::new();
        for (index, (address, weight)) in (0_u32..).zip(endpoints) {
            let mut identity = hash(address.as_bytes());
            // Without this, an address listed twice would have the same points twice.
            while !identities.insert(identity) {
                identity = mix(identity);
            }
            let mut count = u128::from(each(*weight));
            // Scaled down in proportion, but no endpoint loses its last point.
            if size > MAX_SIZE {
                count = (count * u128::from(MAX_SIZE) / u128::from(size)).max(1);
            }
            let numbers = 0..u64::try_from(count).unwrap_or(MAX_SIZE);
            places.extend(numbers.map(|n| (mix(identity ^ mix(n)), index)));
        }
        places.sort_unstable();
        Self::from_points(places.into_iter().map(|(place, of)| (upper(place), of)))
    }

    fn from_points(places: impl Iterator<Item = (u32, u32)>) -> Self {
        let places: Box<[_]> = places.collect();
        // One or two points in each part: at most 2^19 parts, and at least two.
        let bits = places.len().max(2).ilog2().min(19);
        let shift = u32::BITS - bits;
        let mut starts = Vec::with_capacity(1 << bits);
        let mut start = 0;
        for part in 0..1_u32 << bits {
            while places
                .get(start)
                .is_some_and(|(place, _)| place >> shift < part)
            {
                start += 1;
            }
            starts.push(u32::try_from(start).unwrap_or(u32::MAX));
        }
        Self {
            points: places,
            starts: starts.into(),
            shift,
        }
    }

    /// Returns the endpoint of a key: that of the first point from the key on whose endpoint is
    /// `allowed`; none if no endpoint is.
    pub(in crate::policies::load_balance) fn find(
        &self,
        key: u64,
        allowed: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let key = upper(key);
        let mut first = self.starts[(key >> self.shift) as usize] as usize;
        while self
            .points
            .get(first)
            .is_some_and(|(place, _)| *place < key)
        {
            first += 1;
        }
        // A key after the last point continues at the first one: the ring is closed.
        let (before, after) = self.points.split_at(first);
        let mut round = after.iter().chain(before).map(|(_, index)| *index as usize);
        round.find(|index| allowed(*index))
    }
}

fn upper(place: u64) -> u32 {
    (place >> 32) as u32
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "counts in tests are small")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ring(addresses: &[String], size: u32) -> Ring {
        let endpoints: Vec<_> = addresses.iter().map(|a| (a.as_str(), 1)).collect();
        Ring::of(&endpoints, size)
    }

    fn addresses(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("10.0.0.{n}:8000")).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// A joining endpoint takes keys from all and moves none between the others; a leaving one,
        /// the reverse.
        #[test]
        fn only_the_share_of_who_joins_or_leaves_moves(count in 1..20_usize, seed in any::<u64>()) {
            let all = addresses(count + 1);
            let (more, less) = (ring(&all, 4_096), ring(&all[..count], 4_096));
            let keys = 4_000_u64;
            let mut moved = 0.0;
            for key in 0..keys {
                let key = mix(seed ^ mix(key));
                let (new, old) = (more.find(key, |_| true), less.find(key, |_| true));
                if new != old {
                    prop_assert_eq!(new, Some(count), "from one of the others to another");
                    moved += 1.0 / keys as f64;
                }
            }
            let share = 1.0 / (count + 1) as f64;
            prop_assert!((moved - share).abs() < 0.25 * share + 0.02, "{} of {}", moved, share);
        }

        #[test]
        fn places_are_shared_by_weight(weights in prop::collection::vec(1..20_u32, 1..10)) {
            let names = addresses(weights.len());
            let endpoints: Vec<_> = names.iter().map(String::as_str).zip(weights.clone()).collect();
            let ring = Ring::of(&endpoints, 1_024);
            let total: u32 = weights.iter().sum();
            for (index, weight) in weights.iter().enumerate() {
                let places = ring.points.iter().filter(|(_, of)| *of as usize == index).count();
                let share = places as f64 / ring.points.len() as f64;
                let expected = f64::from(*weight) / f64::from(total);
                prop_assert!((share - expected).abs() < 0.002, "{} {}", share, expected);
            }
        }
    }

    proptest! {
        /// Equals a binary search, at the ends of the ring and among equal points.
        #[test]
        fn a_key_has_the_first_place_from_there_on(
            mut places in prop::collection::vec(prop_oneof![any::<u32>(), 0..9_u32, Just(u32::MAX)], 1..99),
            mut keys in prop::collection::vec(any::<u32>(), 9),
        ) {
            places.sort_unstable();
            let ring = Ring::from_points(places.iter().copied().zip(0..));
            keys.extend(places.iter().flat_map(|at| [at.wrapping_sub(1), *at, at.wrapping_add(1)]));
            for key in keys {
                let expected = places.partition_point(|place| *place < key) % places.len();
                let found = ring.find(u64::from(key) << 32 | 7, |_| true);
                prop_assert_eq!(found, Some(expected));
            }
        }
    }

    #[test]
    fn two_of_the_lightest_have_the_least_size_and_no_ring_is_over_the_most() {
        for (count, size, expected) in [(2, 1_024, 1_024), (3, 1_024, 1_536), (2, 7, 8), (1, 0, 1)]
        {
            assert_eq!(ring(&addresses(count), size).points.len(), expected);
        }
        let most = usize::try_from(MAX_SIZE).unwrap();
        assert!((most - 3..=most).contains(&ring(&addresses(3), u32::MAX).points.len()));
    }

    #[test]
    fn the_next_on_the_ring_stands_in() {
        let ring = ring(&addresses(3), 1_024);
        let first = ring.find(7, |_| true).unwrap();
        let second = ring.find(7, |index| index != first).unwrap();
        assert_ne!(first, second);
        assert_eq!(ring.find(7, |_| false), None);
    }
}
