use std::time::Duration;

use crate::Percent;
use crate::base::window::Tally;

/// What the window of a circuit breaker holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    calls: u64,
    failed: u64,
    latency_micros: u64,
    slow: u64,
    slow_failed: u64,
}

impl Counts {
    /// How many calls were counted.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.calls
    }

    /// How many of them failed.
    #[must_use]
    pub const fn failed(&self) -> u64 {
        self.failed
    }

    /// How many of them were slow.
    #[must_use]
    pub const fn slow(&self) -> u64 {
        self.slow
    }

    /// How many of them were slow and failed.
    #[must_use]
    pub const fn slow_failed(&self) -> u64 {
        self.slow_failed
    }

    /// The share that failed.
    #[must_use]
    pub const fn failure_rate(&self) -> Percent {
        Percent::ratio(self.failed, self.calls)
    }

    /// The share that was slow.
    #[must_use]
    pub const fn slow_rate(&self) -> Percent {
        Percent::ratio(self.slow, self.calls)
    }

    /// How long all of them together took to their heads. Zero unless the policy looks for slow calls:
    /// otherwise nobody reads the clock for it.
    #[must_use]
    pub const fn total_latency(&self) -> Duration {
        Duration::from_micros(self.latency_micros)
    }

    /// How long a call took to its head on average.
    #[must_use]
    pub fn mean_latency(&self) -> Duration {
        let mean = self.latency_micros.checked_div(self.calls);
        Duration::from_micros(mean.unwrap_or(0))
    }
}

/// One call in one word: whether it failed, whether it was slow, and how many microseconds it took (17
/// minutes at the most). A window of 100 000 calls takes 400 kB so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Call(u32);

const FAILED: u32 = 1 << 31;
const SLOW: u32 = 1 << 30;
const LATENCY: u32 = SLOW - 1;

impl Call {
    pub(super) fn new(failed: bool, slow: bool, latency: Duration) -> Self {
        let micros = u32::try_from(latency.as_micros()).unwrap_or(LATENCY);
        let failed = if failed { FAILED } else { 0 };
        let slow = if slow { SLOW } else { 0 };
        Self(failed | slow | micros.min(LATENCY))
    }

    pub(super) const fn failed(self) -> bool {
        self.0 & FAILED != 0
    }

    pub(super) const fn slow(self) -> bool {
        self.0 & SLOW != 0
    }
}

impl From<Call> for Counts {
    fn from(call: Call) -> Self {
        Self {
            calls: 1,
            failed: u64::from(call.failed()),
            latency_micros: u64::from(call.0 & LATENCY),
            slow: u64::from(call.slow()),
            slow_failed: u64::from(call.failed() && call.slow()),
        }
    }
}

impl Tally for Counts {
    type Sample = Call;

    fn add(&mut self, sample: Call) {
        let sample = Self::from(sample);
        self.calls += sample.calls;
        self.failed += sample.failed;
        self.latency_micros += sample.latency_micros;
        self.slow += sample.slow;
        self.slow_failed += sample.slow_failed;
    }

    fn remove(&mut self, sample: Call) {
        self.subtract(sample.into());
    }

    fn subtract(&mut self, other: Self) {
        self.calls -= other.calls;
        self.failed -= other.failed;
        self.latency_micros -= other.latency_micros;
        self.slow -= other.slow;
        self.slow_failed -= other.slow_failed;
    }
}
