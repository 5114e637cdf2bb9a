//! Weighted random choice in constant time: Vose's alias method.

/// Weights prepared for weighted random draws.
#[derive(Clone, Debug)]
pub(in crate::policies::load_balance) struct Alias {
    /// For each column the probability of its own index, in 32 bits, and the alternative index.
    columns: Box<[(u32, u32)]>,
}

impl Alias {
    /// Prepares weights of which at least one is not 0.
    pub(in crate::policies::load_balance) fn of(weights: &[u32]) -> Self {
        let count = weights.len() as u64;
        let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        // Each column has the capacity `total`; a weight contributes `count` times itself, exactly.
        let mut fill: Vec<u128> = weights
            .iter()
            .map(|weight| u128::from(*weight) * u128::from(count))
            .collect();
        let total = u128::from(total.max(1));
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..weights.len()).partition(|index| fill[*index] < total);
        let mut columns: Vec<(u32, u32)> = (0..weights.len())
            // Each step fills the column of a light weight with the surplus of a heavy one.
            .map(|index| (u32::MAX, narrow(index as u128)))
            .collect();
        while let (Some(less), Some(more)) = (small.pop(), large.last().copied()) {
            let likely = (fill[less] << 32) / total;
            columns[less] = (narrow(likely), narrow(more as u128));
            fill[more] -= total - fill[less];
            if fill[more] < total {
                large.pop();
                small.push(more);
            }
        }
        Self {
            columns: columns.into(),
        }
    }

    /// Draws an index from 64 random bits: the upper half selects a column, the lower decides
    /// within it.
    pub(in crate::policies::load_balance) fn draw(&self, random: u64) -> usize {
        let column = below(random >> 32, self.columns.len());
        let (likely, other) = self.columns[column];
        // A column that is full by itself has its own index as the alternative too.
        if (random & 0xffff_ffff) < u64::from(likely) {
            column
        } else {
            other as usize
        }
    }
}

/// Maps 32 random bits to a number below `count` without a division.
pub(in crate::policies::load_balance) fn below(bits: u64, count: usize) -> usize {
    // The result is less than `count`, which is a `usize`.
    usize::try_from(((bits & 0xffff_ffff) * count as u64) >> 32).unwrap_or(0)
}

fn narrow(number: u128) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "counts in tests are small")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The share of each index in the columns is its weight, up to rounding to 32 bits.
        #[test]
        fn everybody_has_their_share(weights in prop::collection::vec(0..1_000_u32, 1..60)) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let alias = Alias::of(&weights);
            let mut shares = vec![0.0; weights.len()];
            for (column, (likely, other)) in alias.columns.iter().enumerate() {
                let own = if *other as usize == column { 1.0 } else { f64::from(*likely) / 2_f64.powi(32) };
                shares[column] += own;
                shares[*other as usize] += 1.0 - own;
            }
            let total: u32 = weights.iter().sum();
            for (weight, share) in weights.iter().zip(shares) {
                let expected = f64::from(*weight) / f64::from(total) * weights.len() as f64;
                prop_assert!((share - expected).abs() < 1e-6, "{} {}", share, expected);
            }
        }

        #[test]
        fn nobody_without_weight_is_drawn(rolls in prop::collection::vec(any::<u64>(), 100)) {
            let alias = Alias::of(&[0, 3, 0, 1]);
            for random in rolls {
                prop_assert!([1, 3].contains(&alias.draw(random)));
            }
        }
    }
}
