use std::ops::AddAssign;
use std::time::Duration;

use crate::foundation::sync::Percent;
use crate::policies::circuit_breaker::counters::window::Accumulate;

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
    /// What a window of the last `calls` calls holds, of which it knows the bad ones.
    pub(in crate::policies::circuit_breaker) const fn of(
        calls: u64,
        bad: Self,
        latency_micros: u64,
    ) -> Self {
        Self {
            calls,
            latency_micros,
            ..bad
        }
    }

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

    /// How long all of them together took to their heads. Zero unless the policy looks for slow
    /// calls: otherwise nobody reads the clock for it.
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

/// What a window counts of one call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct CallSample {
    pub(in crate::policies::circuit_breaker) failed: bool,
    pub(in crate::policies::circuit_breaker) micros: u32,
    pub(in crate::policies::circuit_breaker) slow: bool,
}

impl CallSample {
    /// `latency` is zero where nobody asks for it; 71 minutes are the most that is counted.
    pub(in crate::policies::circuit_breaker) fn new(
        failed: bool,
        slow: bool,
        latency: Duration,
    ) -> Self {
        let micros = micros(latency);
        Self {
            failed,
            micros,
            slow,
        }
    }

    /// A call that may be a reason to open the circuit.
    pub(in crate::policies::circuit_breaker) const fn is_bad(self) -> bool {
        self.failed || self.slow
    }
}

/// Returns the time that a call took, in microseconds.
pub(in crate::policies::circuit_breaker) fn micros(latency: Duration) -> u32 {
    u32::try_from(latency.as_micros()).unwrap_or(u32::MAX)
}

impl Accumulate for Counts {
    type Sample = CallSample;

    fn add(&mut self, call: CallSample) {
        self.calls += 1;
        self.failed += u64::from(call.failed);
        self.latency_micros += u64::from(call.micros);
        self.slow += u64::from(call.slow);
        self.slow_failed += u64::from(call.failed && call.slow);
    }

    fn subtract(&mut self, other: Self) {
        self.calls -= other.calls;
        self.failed -= other.failed;
        self.latency_micros -= other.latency_micros;
        self.slow -= other.slow;
        self.slow_failed -= other.slow_failed;
    }
}

/// Good and quick calls: how many they were, and how long they took.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::policies::circuit_breaker) struct SuccessSample {
    pub(in crate::policies::circuit_breaker) calls: u64,
    pub(in crate::policies::circuit_breaker) latency_micros: u64,
}

impl Accumulate for SuccessSample {
    /// How many microseconds one took.
    type Sample = u32;

    fn add(&mut self, micros: u32) {
        self.calls += 1;
        self.latency_micros += u64::from(micros);
    }

    fn subtract(&mut self, other: Self) {
        self.calls -= other.calls;
        self.latency_micros -= other.latency_micros;
    }
}

impl AddAssign<SuccessSample> for Counts {
    fn add_assign(&mut self, good: SuccessSample) {
        self.calls += good.calls;
        self.latency_micros += good.latency_micros;
    }
}
