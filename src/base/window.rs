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
