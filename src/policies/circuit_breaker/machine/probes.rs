#[cfg(feature = "serde")]
mod config;

use std::time::Duration;

/// Probes of an upstream after the circuit was open.
///
/// By default one call is admitted alone and decides: a success closes the circuit, a failure opens
/// it again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Probes {
    at_once: u32,
    failures: u32,
    lease: Duration,
    successes: u32,
    batch: bool,
}

/// Maximum number of probes, which bounds the memory of a half-open circuit.
const MOST: u32 = 1_000;

impl Probes {
    /// Closes the circuit after this many successful probes, and opens it again at the first failed
    /// one. At most as many run at once. 0 means 1; the maximum is 1000.
    #[must_use]
    pub const fn new(successes: u32) -> Self {
        Self {
            at_once: within(successes),
            failures: 1,
            lease: Duration::from_secs(30),
            successes: within(successes),
            batch: false,
        }
    }

    /// Evaluates this many probes together by the failure rate and the slow-call rate of the
    /// policy, as resilience4j does. Without a failure rate, one failure opens the circuit again.
    /// At most as many run at once. 0 means 1; the maximum is 1000.
    #[must_use]
    pub const fn with_batch_evaluation(calls: u32) -> Self {
        Self {
            batch: true,
            ..Self::new(calls)
        }
    }

    /// Sets the number of probes that may run at once. The default is the argument of
    /// [`new`](Self::new); 0 means 1; the maximum is 1000.
    #[must_use]
    pub const fn with_at_once(mut self, at_once: u32) -> Self {
        self.at_once = within(at_once);
        self
    }

    /// Sets the number of failed probes that open the circuit again. The default is 1, and 0 means
    /// 1. Ignored for probes that are evaluated together.
    #[must_use]
    pub const fn with_failures(mut self, failures: u32) -> Self {
        self.failures = within(failures);
        self
    }

    /// Sets the lease of a probe's slot. The default is 30 seconds; with 0 the number of probes at
    /// once is not limited.
    ///
    /// A probe that takes longer frees its slot for another one. If it completes after all, its
    /// result still counts while the circuit is half open.
    #[must_use]
    pub const fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    pub(in crate::policies::circuit_breaker) const fn at_once(&self) -> usize {
        self.at_once as usize
    }

    pub(in crate::policies::circuit_breaker) const fn failures(&self) -> u32 {
        self.failures
    }

    pub(in crate::policies::circuit_breaker) const fn lease(&self) -> Duration {
        self.lease
    }

    pub(in crate::policies::circuit_breaker) const fn successes(&self) -> u32 {
        self.successes
    }

    pub(in crate::policies::circuit_breaker) const fn batch(&self) -> bool {
        self.batch
    }
}

impl Default for Probes {
    fn default() -> Self {
        Self::new(1)
    }
}

const fn within(probes: u32) -> u32 {
    if probes == 0 {
        1
    } else if probes > MOST {
        MOST
    } else {
        probes
    }
}
