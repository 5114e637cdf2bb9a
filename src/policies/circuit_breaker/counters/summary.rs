/// What can be decided without the machine: the epoch, and what holds in it.
///
/// The machine writes it each time that something changes, and requests read it without a lock.
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

    /// Every request goes through.
    pub(in crate::policies::circuit_breaker) const fn with_admits(self, holds: bool) -> Self {
        self.with(ADMITS, holds)
    }

    /// There is a window.
    pub(in crate::policies::circuit_breaker) const fn with_counted(self, holds: bool) -> Self {
        self.with(COUNTED, holds)
    }

    /// No result changes anything.
    pub(in crate::policies::circuit_breaker) const fn with_results_ignored(
        self,
        holds: bool,
    ) -> Self {
        self.with(IGNORES_RESULTS, holds)
    }

    /// What is [good anyhow](crate::policies::circuit_breaker::FailureOn::is_always_success) is good.
    pub(in crate::policies::circuit_breaker) const fn with_default_classification(
        self,
        holds: bool,
    ) -> Self {
        self.with(DEFAULT_CLASSIFICATION, holds)
    }

    /// No good and quick result changes anything, but that it is counted if there is a window.
    pub(in crate::policies::circuit_breaker) const fn with_successes_ignored(
        self,
        holds: bool,
    ) -> Self {
        self.with(IGNORES_SUCCESSES, holds)
    }

    /// The time that a call takes matters.
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
