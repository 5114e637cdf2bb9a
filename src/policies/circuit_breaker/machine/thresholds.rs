//! Thresholds and durations that the machine reads from its policy.

use std::time::Duration;

use crate::foundation::sync::Percent;
use crate::policies::circuit_breaker::{CircuitBreakerPolicy, Probes, Window};

impl CircuitBreakerPolicy {
    /// True if every request is admitted, whatever the results.
    pub(in crate::policies::circuit_breaker) const fn rejects_nothing(&self) -> bool {
        self.dry_run || self.never_opens()
    }

    pub(in crate::policies::circuit_breaker) const fn dry_run(&self) -> bool {
        self.dry_run
    }

    pub(in crate::policies::circuit_breaker) const fn never_opens(&self) -> bool {
        !self.counts_streaks() && !self.needs_window()
    }

    pub(in crate::policies::circuit_breaker) const fn counts_streaks(&self) -> bool {
        self.consecutive_failures != 0
    }

    pub(in crate::policies::circuit_breaker) const fn opens_at_streak(
        &self,
        failures: u32,
    ) -> bool {
        self.counts_streaks() && failures >= self.consecutive_failures
    }

    pub(in crate::policies::circuit_breaker) const fn opens_at_failures(
        &self,
        failed: u64,
        calls: u64,
    ) -> bool {
        has(self.failure_rate) && self.failure_rate.reached_by(failed, calls)
    }

    pub(in crate::policies::circuit_breaker) const fn opens_at_slow(
        &self,
        slow: u64,
        calls: u64,
    ) -> bool {
        self.times_calls() && self.slow_rate.reached_by(slow, calls)
    }

    pub(in crate::policies::circuit_breaker) const fn has_failure_rate(&self) -> bool {
        has(self.failure_rate)
    }

    pub(in crate::policies::circuit_breaker) const fn needs_window(&self) -> bool {
        has(self.failure_rate) || has(self.slow_rate)
    }

    pub(in crate::policies::circuit_breaker) const fn times_calls(&self) -> bool {
        has(self.slow_rate)
    }

    /// Returns the latency, or zero if the policy does not time calls.
    pub(in crate::policies::circuit_breaker) const fn latency(
        &self,
        latency: Duration,
    ) -> Duration {
        if self.times_calls() {
            latency
        } else {
            Duration::ZERO
        }
    }

    pub(in crate::policies::circuit_breaker) fn is_slow(&self, latency: Duration) -> bool {
        self.times_calls() && latency > self.slow_after
    }

    pub(in crate::policies::circuit_breaker) fn minimum_calls(&self) -> u64 {
        let most = match self.window {
            // A minimum above the size of the window could never be reached.
            Window::Count(size) => size.max(1),
            Window::Time(_) => u32::MAX,
        };
        u64::from(self.minimum_calls.min(most))
    }

    /// Returns the length of the next opening after `openings` openings without a closing.
    pub(in crate::policies::circuit_breaker) fn open_for_after(
        &self,
        openings: u32,
        random: u64,
    ) -> Duration {
        if openings == 0 || self.open_for.is_zero() {
            return self.open_for;
        }
        // In floating point, since a power overflows integers long before the cap applies.
        let factor = (f64::from(self.growth) / 1_000.0).powf(f64::from(openings));
        let most = self.longest();
        let grown = Duration::try_from_secs_f64(self.open_for.as_secs_f64() * factor);
        let grown = grown.unwrap_or(most).min(most);
        // The upper 32 bits, scaled to the maximum jitter.
        let share = u32::try_from(self.jitter.of(random >> 32)).unwrap_or(u32::MAX);
        let jitter = grown.as_secs_f64() * f64::from(share) / f64::from(u32::MAX);
        let jitter = Duration::try_from_secs_f64(jitter).unwrap_or(Duration::MAX);
        let jittered = grown.saturating_add(jitter);
        jittered.min(most)
    }

    pub(in crate::policies::circuit_breaker) fn longest(&self) -> Duration {
        self.max_open_for.max(self.open_for)
    }

    pub(in crate::policies::circuit_breaker) const fn probes(&self) -> &Probes {
        &self.probes
    }

    pub(in crate::policies::circuit_breaker) const fn ramp(&self) -> Duration {
        self.ramp
    }

    pub(in crate::policies::circuit_breaker) const fn window(&self) -> Window {
        self.window
    }
}

/// True if a rate is set. 0 % means off: as a threshold it would open the circuit at any call.
const fn has(rate: Percent) -> bool {
    rate.millionths() != 0
}
