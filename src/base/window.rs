//! What happened lately: over the last so many calls, or over the last so much time.
//!
//! Both windows keep a running total, so a record and a reading cost the same whatever they hold.

use std::time::{Duration, Instant};

/// A total that samples are added to, and taken from as they leave a window.
pub(crate) trait Tally: Copy + Default {
    /// What is counted.
    type Sample: Copy;

    /// Counts a sample in.
    fn add(&mut self, sample: Self::Sample);

    /// Takes a sample out that was counted in.
    fn remove(&mut self, sample: Self::Sample);

    /// Takes out all the samples that `other` counted.
    fn subtract(&mut self, other: Self);
}

/// The last so many samples, in a ring.
#[derive(Clone, Debug)]
pub(crate) struct CountWindow<T: Tally> {
    oldest: usize,
    samples: Vec<T::Sample>,
    size: usize,
    total: T,
}

impl<T: Tally> CountWindow<T> {
    /// Creates a window over the last `size` samples, at least one.
    pub(crate) fn new(size: usize) -> Self {
        let size = size.max(1);
        Self {
            oldest: 0,
            samples: Vec::with_capacity(size),
            size,
            total: T::default(),
        }
    }

    /// Counts a sample in, and the one that it pushes out of the window, out.
    pub(crate) fn record(&mut self, sample: T::Sample) {
        if self.samples.len() < self.size {
            self.samples.push(sample);
        } else {
            self.total.remove(self.samples[self.oldest]);
            self.samples[self.oldest] = sample;
            self.oldest += 1;
            if self.oldest == self.size {
                self.oldest = 0;
            }
        }
        self.total.add(sample);
    }

    /// Returns the total over the window.
    pub(crate) const fn total(&self) -> T {
        self.total
    }

    /// Forgets everything, and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.samples.clear();
        self.oldest = 0;
        self.total = T::default();
    }
}

/// The last so much time, in `N` buckets of equal width.
///
/// A sample leaves with the bucket that it fell in, so the window covers between (N - 1)/N and all of its
/// length. A time that is older than the last one counts as the last one.
#[derive(Clone, Debug)]
pub(crate) struct TimeWindow<T, const N: usize> {
    buckets: [T; N],
    /// The bucket of the present.
    current: usize,
    /// When the current bucket began; `None` until something is recorded.
    began: Option<Instant>,
    total: T,
    width: Duration,
}

impl<T: Tally, const N: usize> TimeWindow<T, N> {
    /// Creates a window over the last `length`, at least `N` nanoseconds. Its buckets are counted
    /// from the first sample.
    pub(crate) fn new(length: Duration) -> Self {
        let buckets = u32::try_from(N).expect("a window has a handful of buckets");
        Self {
            buckets: [T::default(); N],
            current: 0,
            began: None,
            total: T::default(),
            width: (length / buckets).max(Duration::from_nanos(1)),
        }
    }

    /// Counts a sample in.
    pub(crate) fn record(&mut self, sample: T::Sample, now: Instant) {
        self.slide(now);
        self.buckets[self.current].add(sample);
        self.total.add(sample);
    }

    /// Returns the total over the window that ends at `now`.
    pub(crate) fn total(&mut self, now: Instant) -> T {
        self.slide(now);
        self.total
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.buckets = [T::default(); N];
        self.began = None;
        self.total = T::default();
    }

    fn slide(&mut self, now: Instant) {
        let began = *self.began.get_or_insert(now);
        let passed = now.saturating_duration_since(began);
        // Nearly always the bucket is still the same, and the division is saved.
        if passed < self.width {
            return;
        }
        let steps = passed.as_nanos() / self.width.as_nanos();
        let into = u64::try_from(passed.as_nanos() % self.width.as_nanos());
        let into = Duration::from_nanos(into.unwrap_or(0));
        self.began = Some(now.checked_sub(into).unwrap_or(now));
        match usize::try_from(steps) {
            Ok(steps) if steps < N => {
                for _ in 0..steps {
                    self.current = (self.current + 1) % N;
                    let expired = std::mem::take(&mut self.buckets[self.current]);
                    self.total.subtract(expired);
                }
            }
            _ => {
                self.buckets = [T::default(); N];
                self.total = T::default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::clock;

    #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
    struct Sum(u64);

    impl Tally for Sum {
        type Sample = u8;

        fn add(&mut self, sample: u8) {
            self.0 += u64::from(sample);
        }

        fn remove(&mut self, sample: u8) {
            self.0 -= u64::from(sample);
        }

        fn subtract(&mut self, other: Self) {
            self.0 -= other.0;
        }
    }

    fn sum(samples: &[u8]) -> Sum {
        Sum(samples.iter().map(|sample| u64::from(*sample)).sum())
    }

    #[test]
    fn a_time_before_the_last_counts_as_the_last() {
        let now = clock::now();
        let later = now + Duration::from_secs(25);
        let mut window = TimeWindow::<Sum, 10>::new(Duration::from_secs(10));
        window.record(1, later);
        window.record(2, now);
        assert_eq!(window.total(now), Sum(3));
        assert_eq!(window.total(later), Sum(3));
    }

    #[test]
    fn a_window_of_no_length_still_works() {
        let now = clock::now();
        let mut window = TimeWindow::<Sum, 10>::new(Duration::ZERO);
        window.record(1, now);
        assert_eq!(window.total(now), Sum(1));
        assert_eq!(window.total(now + Duration::from_nanos(10)), Sum(0));
        let mut window = CountWindow::<Sum>::new(0);
        window.record(1);
        window.record(2);
        assert_eq!(window.total(), Sum(2));
    }

    proptest! {
        #[test]
        fn the_last_samples_are_the_last_samples(
            size in 1..20_usize,
            samples in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut window = CountWindow::<Sum>::new(size);
            for (i, sample) in samples.iter().enumerate() {
                window.record(*sample);
                let first = (i + 1).saturating_sub(size);
                prop_assert_eq!(window.total(), sum(&samples[first..=i]));
            }
            window.clear();
            prop_assert_eq!(window.total(), Sum(0));
            window.record(7);
            prop_assert_eq!(window.total(), Sum(7));
        }

        /// The oracle keeps every sample with the number of its bucket, and adds up from scratch.
        #[test]
        fn a_sample_stays_for_as_long_as_its_bucket(
            width in 1..50_u64,
            steps in prop::collection::vec((0..200_u64, any::<u8>()), 1..100),
        ) {
            let origin = clock::now();
            let mut window = TimeWindow::<Sum, 5>::new(Duration::from_nanos(5 * width));
            let mut kept = Vec::new();
            let mut nanos = 0;
            for (i, (step, sample)) in steps.into_iter().enumerate() {
                // The first sample is where the buckets are counted from.
                nanos += if i == 0 { 0 } else { step };
                let now = origin + Duration::from_nanos(nanos);
                window.record(sample, now);
                kept.push((nanos / width, sample));
                let oldest = (nanos / width).saturating_sub(4);
                let expected = kept.iter().filter(|(bucket, _)| *bucket >= oldest);
                let expected: Vec<_> = expected.map(|(_, sample)| *sample).collect();
                prop_assert_eq!(window.total(now), sum(&expected));
            }
        }
    }
}
