use std::time::Duration;

/// Number of buckets: from 100 µs, each by a quarter larger than the one before, to 50 minutes.
const BUCKETS: usize = 78;
/// Upper bound of the first bucket.
const FIRST: Duration = Duration::from_micros(100);
/// Ratio of one bound to the one before, so that a percentile is at most that much too high.
const RATIO: f64 = 1.25;

/// Counts of latencies in buckets of exponential width.
#[derive(Clone, Debug)]
pub(super) struct Latencies {
    counts: [u32; BUCKETS],
    total: u64,
}

impl Latencies {
    pub(super) fn add(&mut self, latency: Duration) {
        let place = bucket(latency);
        self.counts[place] = self.counts[place].saturating_add(1);
        self.total += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (own, more) in self.counts.iter_mut().zip(&other.counts) {
            *own = own.saturating_add(*more);
        }
        self.total += other.total;
    }

    /// Returns the latency that this share of the requests, in thousandths, does not exceed; none without requests.
    pub(super) fn percentile(&self, thousandths: u64) -> Option<Duration> {
        let rank = (self.total * thousandths).div_ceil(1_000).max(1);
        let mut seen = 0;
        let place = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= rank
        })?;
        Some(bound(place))
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            counts: [0; BUCKETS],
            total: 0,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number of the bucket is small and not negative, and a cast from float saturates"
)]
fn bucket(latency: Duration) -> usize {
    let ratio = latency.as_secs_f64() / FIRST.as_secs_f64();
    let place = ratio.max(1.0).log(RATIO).ceil() as usize;
    place.min(BUCKETS - 1)
}

fn bound(place: usize) -> Duration {
    let power = i32::try_from(place).unwrap_or(i32::MAX);
    FIRST.mul_f64(RATIO.powi(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_at_most_a_quarter_too_high() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(500), None);
        for millis in 1..=1_000 {
            latencies.add(Duration::from_millis(millis));
        }
        for (thousandths, exact) in [(500, 0.5), (990, 0.99), (1_000, 1.0)] {
            let found = latencies.percentile(thousandths).unwrap().as_secs_f64();
            assert!(
                (exact..exact * RATIO).contains(&found),
                "{found} for {exact}"
            );
        }
    }

    #[test]
    fn the_shortest_and_the_longest_latency_have_a_bucket() {
        let mut latencies = Latencies::default();
        latencies.add(Duration::ZERO);
        assert_eq!(latencies.percentile(500), Some(FIRST));
        latencies.add(Duration::MAX);
        assert!(latencies.percentile(1_000).unwrap() > Duration::from_secs(2_400));
    }
}
