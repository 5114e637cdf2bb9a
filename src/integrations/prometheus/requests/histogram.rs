use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the buckets, Envoy's: milliseconds, or bytes.
pub(in crate::integrations::prometheus) const BOUNDS: [f64; 19] = [
    0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5,
    1.8e6, 3.6e6,
];

/// The same bounds for whole numbers.
const WHOLE: [u64; 19] = [
    0, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000,
    600_000, 1_800_000, 3_600_000,
];

/// Histogram of whole numbers; the last bucket has no bound.
#[derive(Debug, Default)]
pub(in crate::integrations::prometheus) struct Histogram {
    buckets: [AtomicU64; WHOLE.len() + 1],
    sum: AtomicU64,
}

impl Histogram {
    #[inline]
    pub(in crate::integrations::prometheus) fn record(&self, value: u64) {
        let place = WHOLE.partition_point(|bound| *bound < value);
        // Relaxed: a scrape may see one of the two without the other, as with every client of Prometheus.
        self.buckets[place].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Returns the number of values.
    pub(in crate::integrations::prometheus) fn count(&self) -> u64 {
        let buckets = self.buckets.iter();
        buckets.map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// Returns the sum of the values.
    pub(in crate::integrations::prometheus) fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }

    /// Returns the buckets with their upper bounds, each without those below it.
    pub(in crate::integrations::prometheus) fn buckets(&self) -> [(f64, u64); WHOLE.len() + 1] {
        std::array::from_fn(|place| {
            let bound = BOUNDS.get(place).copied().unwrap_or(f64::INFINITY);
            (bound, self.buckets[place].load(Ordering::Relaxed))
        })
    }

    /// Adds another histogram.
    pub(in crate::integrations::prometheus) fn add(&self, other: &Self) {
        for (own, more) in self.buckets.iter().zip(&other.buckets) {
            own.fetch_add(more.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.sum.fetch_add(other.sum(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_at_a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::default();
        for value in [0, 1, 2, 5, 3_600_000, 3_600_001] {
            histogram.record(value);
        }
        let buckets = histogram.buckets();
        let filled: Vec<_> = buckets.iter().filter(|(_, count)| *count > 0).collect();
        let expected = [(0.5, 1), (1.0, 1), (5.0, 2), (3.6e6, 1), (f64::INFINITY, 1)];
        assert_eq!(filled, expected.iter().collect::<Vec<_>>());
        assert_eq!((histogram.count(), histogram.sum()), (6, 7_200_009));
    }

    #[test]
    fn whole_bounds_are_the_bounds_rounded_down() {
        for (bound, whole) in BOUNDS.iter().zip(WHOLE) {
            let whole = f64::from(u32::try_from(whole).expect("small"));
            assert!((bound.floor() - whole).abs() < f64::EPSILON);
        }
    }
}
