use std::time::Duration;

/// How an upstream is tried after the circuit was open.
///
/// By default one call goes through alone, and decides: good, the circuit closes; bad, it opens
/// again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Probes {
    at_once: u32,
    failures: u32,
    lease: Duration,
    successes: u32,
    batch: bool,
}

/// Bounds what a half-open circuit has to remember.
const MOST: u32 = 1_000;

impl Probes {
    /// Closes the circuit after so many good probes, and opens it again at the first bad one. At
    /// most as many run at once. 0 means 1; the most is 1000.
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

    /// Waits for the results of so many probes, and then judges them together by the failure rate
    /// and the slow-call rate of the policy: as resilience4j does. Without a failure rate, one
    /// failure opens the circuit again. At most as many run at once. 0 means 1; the most is 1000.
    #[must_use]
    pub const fn with_batch_evaluation(calls: u32) -> Self {
        Self {
            batch: true,
            ..Self::new(calls)
        }
    }

    /// Sets how many probes may run at once. The default is as many as [`new`](Self::new) was
    /// given; 0 means 1; the most is 1000.
    #[must_use]
    pub const fn with_at_once(mut self, at_once: u32) -> Self {
        self.at_once = within(at_once);
        self
    }

    /// Sets how many bad probes open the circuit again. The default is 1, and 0 means 1. Probes
    /// that are judged together do not need it.
    #[must_use]
    pub const fn with_failures(mut self, failures: u32) -> Self {
        self.failures = within(failures);
        self
    }

    /// Sets how long a probe keeps its place. The default is 30 seconds.
    ///
    /// A probe that hangs for longer frees its place for another one; should it report after all,
    /// its result still counts, as long as nothing is decided. With 0 the number of probes that run
    /// at once is not limited.
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
