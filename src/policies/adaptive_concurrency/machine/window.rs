//! Samples of a window, and what they say when it ends.

use std::time::{Duration, Instant};

/// Samples of which a window keeps the latencies. With more, later ones replace earlier ones in turn, so that a window
/// takes 4 KiB whatever the rate is.
const KEPT: usize = 256;

/// Samples without which a window goes on.
const ENOUGH: u32 = 10;

/// Windows of this many times the length end with any number of samples.
const LONGEST: u32 = 10;

/// Result of one attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) struct Sample {
    /// Latency; none for a refusal by the upstream, which is fast because nothing was done.
    pub(in super::super) latency: Option<Duration>,
    /// The upstream was overloaded: a timeout or a refusal.
    pub(in super::super) overload: bool,
    /// Start of the attempt.
    pub(in super::super) started: Instant,
}

/// Requests of a window, as counted where they are admitted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in super::super) struct Traffic {
    /// Most requests in flight at a time.
    pub(in super::super) peak: u32,
    /// Requests that were refused.
    pub(in super::super) refused: u32,
}

/// A window that has ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) elapsed: Duration,
    /// Median latency; none if there were refusals by the upstream only.
    pub(super) latency: Option<Duration>,
    pub(super) overloads: u32,
    pub(super) samples: u32,
    pub(super) traffic: Traffic,
}

impl Window {
    /// Returns the samples with a latency for each second.
    pub(super) fn rate(&self) -> f64 {
        f64::from(self.samples) / self.elapsed.as_secs_f64().max(1e-6)
    }

    /// Returns true if not even half of the limit was in use, so that the window says nothing about a higher one.
    pub(super) fn is_idle(&self, limit: f64) -> bool {
        f64::from(self.traffic.peak) * 2.0 < limit
    }
}

/// Collects the samples of the current window.
#[derive(Debug)]
pub(super) struct Collector {
    began: Instant,
    latencies: Vec<Duration>,
    overloads: u32,
    samples: u32,
}

impl Collector {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            began: now,
            latencies: Vec::new(),
            overloads: 0,
            samples: 0,
        }
    }

    pub(super) fn add(&mut self, sample: Sample) {
        self.overloads = self.overloads.saturating_add(sample.overload.into());
        let Some(latency) = sample.latency else {
            return;
        };
        // All at once: a vector that grows would allocate in the middle of calls.
        if self.latencies.capacity() == 0 {
            self.latencies.reserve_exact(KEPT);
        }
        if self.latencies.len() < KEPT {
            self.latencies.push(latency);
        } else if let Some(old) = self.latencies.get_mut(self.samples as usize % KEPT) {
            *old = latency;
        }
        self.samples = self.samples.saturating_add(1);
    }

    /// Returns true if the window ends at `now`.
    pub(super) fn is_full(&self, length: Duration, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.began);
        let seen = self.samples.max(self.overloads);
        elapsed >= length && (seen >= ENOUGH || elapsed >= length.saturating_mul(LONGEST))
    }

    /// Ends the window and begins the next.
    pub(super) fn end(&mut self, traffic: Traffic, now: Instant) -> Window {
        let middle = self.latencies.len() / 2;
        let median = self.latencies.get(middle).is_some().then(|| {
            let (_, median, _) = self.latencies.select_nth_unstable(middle);
            *median
        });
        let window = Window {
            elapsed: now.saturating_duration_since(self.began),
            latency: median,
            overloads: self.overloads,
            samples: self.samples,
            traffic,
        };
        self.latencies.clear();
        (self.began, self.overloads, self.samples) = (now, 0, 0);
        window
    }
}

/// Returns seconds, at least a nanosecond, so that they divide.
pub(super) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64().max(1e-9)
}
