//! Latencies of the stable version, for its quantiles.

use crate::foundation::sync::Percent;

const BUCKETS: usize = 384;

/// Histogram of latencies, whose bounds grow by 5 %: from 1 µs to 2 minutes.
#[derive(Clone, Debug)]
pub(super) struct Latencies {
    counts: Box<[u32]>,
    total: u32,
}

/// Latencies before a quantile is known.
const LEAST: u32 = 100;

/// Latencies at which old ones lose half their weight.
const MOST: u32 = 4_000;

impl Latencies {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![0; BUCKETS].into_boxed_slice(),
            total: 0,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "casts from float saturate, as intended"
    )]
    pub(super) fn add(&mut self, micros: u64) {
        let log = crate::policies::canary::counts::float(micros.max(1)).ln() / 1.05_f64.ln();
        let bucket = (log as usize).min(BUCKETS - 1);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
            self.total += 1;
        }
        if self.total >= MOST {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().sum();
        }
    }

    /// Returns the upper bound of the quantile's bucket in microseconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "casts from float saturate, as intended"
    )]
    pub(super) fn quantile(&self, quantile: Percent) -> Option<u64> {
        if self.total < LEAST {
            return None;
        }
        let rank = quantile.of(u64::from(self.total));
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= rank.max(1)
        })?;
        let bound = i32::try_from(bucket + 1).unwrap_or(i32::MAX);
        Some(1.05_f64.powi(bound) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_known_after_a_hundred_and_right_to_five_percent() {
        let mut latencies = Latencies::new();
        for n in 1..=99 {
            latencies.add(n * 1_000);
        }
        assert_eq!(latencies.quantile(Percent::new(90)), None);
        latencies.add(100_000);
        let p90 = latencies.quantile(Percent::new(90)).unwrap();
        assert!((90_000..=95_000).contains(&p90), "{p90}");
        // Bounded by the last bucket, and by halves.
        for _ in 0..10_000 {
            latencies.add(u64::MAX);
        }
        assert!(latencies.quantile(Percent::ALL).is_some());
    }
}
