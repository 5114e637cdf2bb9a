//! A ring on which keys find their endpoint: Envoy's ring hash (ketama).

use crate::base::dice::mix;
use crate::base::hash::hash;

/// More places cost more memory than they make the shares more even.
const MAX_SIZE: f64 = 262_144.0;

/// Places on a ring, each of which belongs to one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    places: Box<[(u64, u32)]>,
}

impl Ring {
    /// Gives each endpoint, an address and a weight above 0, places on a ring of about `min_size`; the
    /// lightest has a whole number of them.
    pub(super) fn of(endpoints: &[(&str, u32)], min_size: u32) -> Self {
        let total: f64 = endpoints.iter().map(|(_, weight)| f64::from(*weight)).sum();
        let lightest = endpoints.iter().map(|(_, weight)| *weight).min();
        let lightest = f64::from(lightest.unwrap_or(1)) / total;
        let size = (lightest * f64::from(min_size.max(1))).ceil() / lightest;
        let size = size.min(MAX_SIZE);
        let mut identities: Vec<u64> = Vec::with_capacity(endpoints.len());
        let mut places = Vec::with_capacity(size as usize + endpoints.len());
        let mut wanted = 0.0;
        for (index, (address, weight)) in (0_u32..).zip(endpoints) {
            let mut identity = hash(address.as_bytes());
            // The same address twice would have the same places twice.
            while identities.contains(&identity) {
                identity = mix(identity);
            }
            identities.push(identity);
            wanted += size * f64::from(*weight) / total;
            let mut place = 0_u64;
            while (places.len() as f64) < wanted || place == 0 {
                places.push((mix(identity ^ mix(place)), index));
                place += 1;
            }
        }
        places.sort_unstable();
        Self {
            places: places.into(),
        }
    }

    /// Returns the endpoint of a key: that of the first place from there on, of those that `allowed`
    /// lets pass; none if it lets nobody pass.
    pub(super) fn find(&self, key: u64, allowed: impl Fn(usize) -> bool) -> Option<usize> {
        let first = self.places.partition_point(|(place, _)| *place < key);
        let (before, after) = self.places.split_at(first);
        let mut round = after.iter().chain(before).map(|(_, index)| *index as usize);
        round.find(|index| allowed(*index))
    }
}

#[cfg(test)]
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

        /// Who joins takes keys from all and moves none between the others; who leaves, the reverse.
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
                let places = ring.places.iter().filter(|(_, of)| *of as usize == index).count();
                let share = places as f64 / ring.places.len() as f64;
                let expected = f64::from(*weight) / f64::from(total);
                prop_assert!((share - expected).abs() < 0.002, "{} {}", share, expected);
            }
        }
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
