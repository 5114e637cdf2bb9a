use super::CircuitBreakerPolicy;
use super::machine::{AdmittedBy, Machine, State};

/// Summary of the machine in one word: the epoch, and flags for the decisions that need no lock.
///
/// The machine writes it with every change, and requests read it without a lock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::policies::circuit_breaker) struct AtomicSummary(u64);

const ADMITS: u64 = 1;
const COUNTED: u64 = 1 << 1;
const IGNORES_RESULTS: u64 = 1 << 2;
const DEFAULT_CLASSIFICATION: u64 = 1 << 3;
const IGNORES_SUCCESSES: u64 = 1 << 4;
const TIMED: u64 = 1 << 5;
const FLAGS: u32 = 6;

impl AtomicSummary {
    pub(in crate::policies::circuit_breaker) const fn new(epoch: u64) -> Self {
        Self(epoch << FLAGS)
    }

    pub(in crate::policies::circuit_breaker) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(in crate::policies::circuit_breaker) const fn bits(self) -> u64 {
        self.0
    }

    pub(in crate::policies::circuit_breaker) const fn epoch(self) -> u64 {
        self.0 >> FLAGS
    }

    /// Sets the flag that every request is admitted.
    pub(in crate::policies::circuit_breaker) const fn with_admits(self, holds: bool) -> Self {
        self.with(ADMITS, holds)
    }

    /// Sets the flag that there is a window, so that successes are counted.
    pub(in crate::policies::circuit_breaker) const fn with_counted(self, holds: bool) -> Self {
        self.with(COUNTED, holds)
    }

    /// Sets the flag that no result changes anything.
    pub(in crate::policies::circuit_breaker) const fn with_results_ignored(
        self,
        holds: bool,
    ) -> Self {
        self.with(IGNORES_RESULTS, holds)
    }

    /// Sets the flag that outcomes which [are always
    /// successes](crate::policies::circuit_breaker::FailureOn::is_always_success) need no custom
    /// classification.
    pub(in crate::policies::circuit_breaker) const fn with_default_classification(
        self,
        holds: bool,
    ) -> Self {
        self.with(DEFAULT_CLASSIFICATION, holds)
    }

    /// Sets the flag that a success, if quick, changes nothing beyond its count in the window.
    pub(in crate::policies::circuit_breaker) const fn with_successes_ignored(
        self,
        holds: bool,
    ) -> Self {
        self.with(IGNORES_SUCCESSES, holds)
    }

    /// Sets the flag that the latency of a call matters.
    pub(in crate::policies::circuit_breaker) const fn with_timed(self, holds: bool) -> Self {
        self.with(TIMED, holds)
    }

    pub(in crate::policies::circuit_breaker) const fn admits(self) -> bool {
        self.0 & ADMITS != 0
    }

    pub(in crate::policies::circuit_breaker) const fn counted(self) -> bool {
        self.0 & COUNTED != 0
    }

    pub(in crate::policies::circuit_breaker) const fn ignores_results(self) -> bool {
        self.0 & IGNORES_RESULTS != 0
    }

    pub(in crate::policies::circuit_breaker) const fn uses_default_classification(self) -> bool {
        self.0 & DEFAULT_CLASSIFICATION != 0
    }

    pub(in crate::policies::circuit_breaker) const fn ignores_successes(self) -> bool {
        self.0 & IGNORES_SUCCESSES != 0
    }

    pub(in crate::policies::circuit_breaker) const fn timed(self) -> bool {
        self.0 & TIMED != 0
    }

    const fn with(self, flag: u64, holds: bool) -> Self {
        if holds { Self(self.0 | flag) } else { self }
    }
}

impl AdmittedBy {
    /// Returns the admission by a summary that admits every request.
    #[inline]
    pub(in crate::policies::circuit_breaker) const fn by(summary: AtomicSummary) -> Self {
        Self {
            epoch: summary.epoch(),
            probe: None,
        }
    }
}

impl Machine {
    /// Returns the summary for decisions without the lock.
    pub(in crate::policies::circuit_breaker) fn summary(
        &self,
        policy: &CircuitBreakerPolicy,
    ) -> AtomicSummary {
        let closed = matches!(self.state, State::Closed);
        let forced = matches!(self.state, State::ForcedClosed);
        AtomicSummary::new(self.epoch)
            .with_admits(closed || forced)
            .with_counted(self.health.has_window())
            .with_results_ignored(forced || (closed && policy.never_opens()))
            .with_default_classification(policy.failure_on().uses_default_classification())
            .with_successes_ignored(closed && self.health.has_no_failures())
            .with_timed(closed && policy.times_calls())
    }
}
