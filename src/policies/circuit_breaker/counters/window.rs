//! Sliding windows over a number of calls or a period of time.
//!
//! Both keep a running total, so that recording and reading cost the same whatever the size.

use std::time::{Duration, Instant};

use crate::foundation::time::clock;

/// A total to which samples are added, and from which they are subtracted as they leave a window.
pub(crate) trait Accumulate: Copy + Default {
    /// Type of one sample.
    type Sample: Copy;

    /// Adds a sample.
    fn add(&mut self, sample: Self::Sample);

    /// Subtracts all samples that are included in `other`.
    fn subtract(&mut self, other: Self);
}

/// Window over the last `size` samples, in a ring buffer.
#[derive(Clone, Debug)]
pub(crate) struct CountWindow<T: Accumulate> {
    oldest: usize,
    samples: Vec<T::Sample>,
    size: usize,
    total: T,
}

impl<T: Accumulate> CountWindow<T> {
    /// Creates a window over the last `size` samples, at least 1.
    pub(crate) fn new(size: usize) -> Self {
        let size = size.max(1);
        Self {
            oldest: 0,
            samples: Vec::with_capacity(size),
            size,
            total: T::default(),
        }
    }

    /// Adds a sample, and subtracts the one that leaves the window.
    pub(crate) fn record(&mut self, sample: T::Sample) {
        if self.samples.len() < self.size {
            self.samples.push(sample);
        } else {
            // A total of one sample, since totals are subtracted from totals.
            let mut expired = T::default();
            expired.add(self.samples[self.oldest]);
            self.total.subtract(expired);
            self.samples[self.oldest] = sample;
            self.oldest += 1;
            if self.oldest == self.size {
                self.oldest = 0;
            }
        }
        self.total.add(sample);
    }

    /// Returns the total of the window.
    pub(crate) const fn total(&self) -> T {
        self.total
    }

    /// Resets the window, and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.samples.clear();
        self.oldest = 0;
        self.total = T::default();
    }
}

/// Window over a period of time, in `N` buckets of equal width.
///
/// A sample leaves with its bucket, so the window covers between (N - 1)/N and all of its length. A
/// time earlier than the last one counts as the last one.
#[derive(Clone, Debug)]
pub(crate) struct TimeWindow<T, const N: usize> {
    buckets: [T; N],
    /// Index of the current bucket.
    current: usize,
    /// End of the current bucket; `None` until a sample is recorded.
    ends: Option<Instant>,
    total: T,
    width: Duration,
}

/// Rotation schedule of a window's buckets: windows with the same schedule rotate together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BucketSchedule {
    ends: Instant,
    width: Duration,
}

impl<T: Accumulate, const N: usize> TimeWindow<T, N> {
    /// Creates a window over `length`, at least `N` nanoseconds. The first bucket starts with the
    /// first sample.
    pub(crate) fn new(length: Duration) -> Self {
        let buckets = u32::try_from(N).expect("a window has a handful of buckets");
        Self::empty((length / buckets).max(Duration::from_nanos(1)), None)
    }

    /// Creates a window whose buckets rotate together with another window's.
    pub(crate) fn with_schedule(beat: BucketSchedule) -> Self {
        Self::empty(beat.width, Some(beat.ends))
    }

    fn empty(width: Duration, ends: Option<Instant>) -> Self {
        Self {
            buckets: [T::default(); N],
            current: 0,
            ends,
            total: T::default(),
            width,
        }
    }

    /// Returns the rotation schedule, once a sample was recorded.
    pub(crate) fn schedule(&self) -> Option<BucketSchedule> {
        let width = self.width;
        self.ends.map(|ends| BucketSchedule { ends, width })
    }

    /// Adds a sample.
    #[inline]
    pub(crate) fn record(&mut self, sample: T::Sample, now: Instant) {
        self.slide(now);
        self.buckets[self.current].add(sample);
        self.total.add(sample);
    }

    /// Returns the total of the window that ends at `now`.
    pub(crate) fn total(&mut self, now: Instant) -> T {
        self.slide(now);
        self.total
    }

    /// Resets the window.
    pub(crate) fn clear(&mut self) {
        *self = Self::empty(self.width, None);
    }

    #[inline]
    fn slide(&mut self, now: Instant) {
        match self.ends {
            // The usual case: one comparison of instants, no division.
            Some(ends) if now < ends => {}
            Some(ends) => self.rotate(now, ends),
            None => self.ends = Some(clock::after(now, self.width)),
        }
    }

    /// Drops every bucket that ended before `now`, the current one included.
    #[cold]
    fn rotate(&mut self, now: Instant, ends: Instant) {
        // Several buckets may have ended, if no call came for a while.
        let (late, width) = ((now - ends).as_nanos(), self.width.as_nanos());
        let into = u64::try_from(late % width).map_or(Duration::ZERO, Duration::from_nanos);
        self.ends = Some(clock::after(now, self.width.saturating_sub(into)));
        match usize::try_from(late / width) {
            Ok(steps) if steps < N - 1 => {
                for _ in 0..=steps {
                    self.current = (self.current + 1) % N;
                    let expired = std::mem::take(&mut self.buckets[self.current]);
                    self.total.subtract(expired);
                }
            }
            _ => {
                // All buckets are older than the window.
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

    #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
    struct Sum(u64);

    impl Accumulate for Sum {
        type Sample = u8;

        fn add(&mut self, sample: u8) {
            self.0 += u64::from(sample);
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

    #[test]
    fn a_window_longer_than_the_clock_can_hold_keeps_everything() {
        let now = clock::now();
        let mut window = TimeWindow::<Sum, 10>::new(Duration::MAX);
        window.record(1, now);
        window.record(2, now + Duration::from_secs(1_000_000_000));
        assert_eq!(window.total(now), Sum(3));
    }

    proptest! {
        /// Two windows with one schedule have the same sum as one window, however samples are
        /// spread over the two.
        #[test]
        fn windows_in_step_are_as_one(
            width in 1..50_u64,
            steps in prop::collection::vec((0..200_u64, any::<u8>(), any::<bool>()), 1..100),
        ) {
            let mut now = clock::now();
            let mut whole = TimeWindow::<Sum, 5>::new(Duration::from_nanos(5 * width));
            whole.record(0, now);
            let mut parts = [(); 2].map(|()| TimeWindow::<Sum, 5>::with_schedule(whole.schedule().unwrap()));
            for (step, sample, part) in steps {
                now += Duration::from_nanos(step);
                whole.record(sample, now);
                parts[usize::from(part)].record(sample, now);
                let [one, two] = &mut parts;
                let together = one.total(now).0 + two.total(now).0;
                prop_assert_eq!(whole.total(now), Sum(together));
            }
        }

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

        /// The oracle stores every sample with its bucket number, and sums up from scratch.
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
                // The buckets start with the first sample.
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
