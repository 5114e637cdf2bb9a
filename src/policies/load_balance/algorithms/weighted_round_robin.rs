//! Weighted round robin whose only state is a count of turns: gRPC's static stride scheduler
//! (proposal A58).

/// Weights prepared for a round robin.
#[derive(Clone, Debug)]
pub(in crate::policies::load_balance) enum WeightedRoundRobin {
    /// Number of endpoints with equal weights; none of them skips a turn.
    Equal(u64),
    /// Weights scaled so that the highest is 65,535.
    Weighted(Box<[u64]>),
}

const MAX: u64 = 65_535;

impl WeightedRoundRobin {
    /// Prepares weights above 0.
    pub(in crate::policies::load_balance) fn of(weights: &[u32]) -> Self {
        if weights.iter().all(|weight| *weight == weights[0]) {
            return Self::Equal(weights.len() as u64);
        }
        let heaviest = u64::from(weights.iter().copied().max().unwrap_or(1).max(1));
        // Rounded up, so that a low weight does not become 0.
        let scale = |weight: &u32| (u64::from(*weight) * MAX).div_ceil(heaviest).max(1);
        Self::Weighted(weights.iter().map(scale).collect())
    }

    /// Returns the number of endpoints.
    pub(in crate::policies::load_balance) fn count(&self) -> usize {
        match self {
            Self::Equal(count) => usize::try_from(*count).unwrap_or(usize::MAX),
            Self::Weighted(weights) => weights.len(),
        }
    }

    /// Returns the endpoint of a turn; none if it skips the turn.
    ///
    /// Each endpoint has one turn in a round. An endpoint with a fraction of the highest weight
    /// takes that fraction of its turns, spread evenly, and in other rounds than its neighbour.
    pub(in crate::policies::load_balance) fn turn(&self, turn: u64) -> Option<usize> {
        let weights = match self {
            Self::Equal(count) => return usize::try_from(turn % count).ok(),
            Self::Weighted(weights) => weights,
        };
        let count = weights.len() as u64;
        let (round, place) = (turn / count, turn % count);
        let index = usize::try_from(place).ok()?;
        let weight = weights[index];
        // The second term moves neighbours half a period apart.
        let phase = (weight.wrapping_mul(round)).wrapping_add(place * (MAX / 2)) % MAX;
        (phase >= MAX - weight).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equals_take_turns() {
        let rotation = WeightedRoundRobin::of(&[5, 5, 5]);
        let counter: Vec<_> = (0..6).map(|turn| rotation.turn(turn).unwrap()).collect();
        assert_eq!(counter, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn neighbours_sit_out_different_rounds() {
        let rotation = WeightedRoundRobin::of(&[3, 1, 1]);
        for round in 0..8_u64 {
            let taken = |place: u64| rotation.turn(3 * round + place).is_some();
            assert!(taken(0) && !(taken(1) && taken(2)), "{round}");
        }
    }

    proptest! {
        #[test]
        fn turns_are_shared_by_weight_in_every_stretch(
            weights in prop::collection::vec(1..50_u32, 2..8), start in 0..1_000_u64,
        ) {
            let rotation = WeightedRoundRobin::of(&weights);
            let mut taken = vec![0_u32; weights.len()];
            let first = start * weights.len() as u64;
            let heaviest = *weights.iter().max().unwrap();
            for turn in first..first + u64::from(heaviest) * weights.len() as u64 {
                if let Some(index) = rotation.turn(turn) {
                    taken[index] += 1;
                }
            }
            for (taken, weight) in taken.iter().zip(&weights) {
                prop_assert!(taken.abs_diff(*weight) <= 1, "{} for {}", taken, weight);
            }
        }
    }
}
