use std::ops::AddAssign;
use std::time::Duration;

use crate::foundation::sync::Percent;
use crate::policies::circuit_breaker::counters::window::Accumulate;

/// Number and latency of the calls in the window of a circuit breaker.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    calls: u64,
    failed: u64,
    latency_micros: u64,
    slow: u64,
    slow_failed: u64,
}

impl Counts {
    /// Creates the counts of a window of `calls` calls, given the counts of its failed and slow
    /// ones.
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

    /// Returns the number of calls in the window.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.calls
    }

    /// Returns the number of failed calls.
    #[must_use]
    pub const fn failed(&self) -> u64 {
        self.failed
    }

    /// Returns the number of slow calls.
    #[must_use]
    pub const fn slow(&self) -> u64 {
        self.slow
    }

    /// Returns the number of calls that failed and were slow.
    #[must_use]
    pub const fn slow_failed(&self) -> u64 {
        self.slow_failed
    }

    /// Returns the share of failed calls.
    #[must_use]
    pub const fn failure_rate(&self) -> Percent {
        Percent::ratio(self.failed, self.calls)
    }

    /// Returns the share of slow calls.
    #[must_use]
    pub const fn slow_rate(&self) -> Percent {
        Percent::ratio(self.slow, self.calls)
    }

    /// Returns the sum of the latencies to the response heads. Zero unless the policy has a
    /// slow-call rate: otherwise the clock is not read.
    #[must_use]
    pub const fn total_latency(&self) -> Duration {
        Duration::from_micros(self.latency_micros)
    }

    /// Returns the mean latency to the response head.
    #[must_use]
    pub fn mean_latency(&self) -> Duration {
        let mean = self.latency_micros.checked_div(self.calls);
        Duration::from_micros(mean.unwrap_or(0))
    }
}

/// A call as counted by a window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct CallSample {
    pub(in crate::policies::circuit_breaker) failed: bool,
    pub(in crate::policies::circuit_breaker) micros: u32,
    pub(in crate::policies::circuit_breaker) slow: bool,
}

impl CallSample {
    /// Creates a sample; `latency` is zero unless calls are timed, and saturates at 71 minutes.
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

    /// True if the call failed or was slow, and so may open the circuit.
    pub(in crate::policies::circuit_breaker) const fn is_bad(self) -> bool {
        self.failed || self.slow
    }
}

/// Returns the latency in microseconds, saturated at `u32::MAX` (71 minutes).
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
        // Cannot underflow: only samples that were added are subtracted.
        self.calls -= other.calls;
        self.failed -= other.failed;
        self.latency_micros -= other.latency_micros;
        self.slow -= other.slow;
        self.slow_failed -= other.slow_failed;
    }
}

/// Number and total latency of successful, quick calls.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::policies::circuit_breaker) struct SuccessSample {
    pub(in crate::policies::circuit_breaker) calls: u64,
    pub(in crate::policies::circuit_breaker) latency_micros: u64,
}

impl Accumulate for SuccessSample {
    /// Latency in microseconds.
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
