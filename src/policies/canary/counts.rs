use super::Check;
use super::policy::sample::{Mark, Sample};

/// One of the two versions that a rollout compares.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Version {
    /// The new version, which may be withdrawn.
    Canary,
    /// The version that serves until the new one is promoted.
    Stable,
}

/// Counts of one check for one version.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    bad: u64,
    requests: u64,
    /// In microseconds: sums of integers can be merged in any order.
    clipped: u64,
}

impl Tally {
    /// Creates the counts of so many requests, of which `bad` did not pass the check; at most all.
    #[must_use]
    pub const fn new(requests: u64, bad: u64) -> Self {
        let bad = if bad > requests { requests } else { bad };
        Self {
            bad,
            requests,
            clipped: 0,
        }
    }

    /// Returns the number of requests that did not pass the check.
    #[must_use]
    pub const fn bad(self) -> u64 {
        self.bad
    }

    /// Returns the number of requests that were checked.
    #[must_use]
    pub const fn requests(self) -> u64 {
        self.requests
    }

    /// Returns the share of requests that did not pass, from 0 to 1; 0 without requests.
    #[must_use]
    pub fn share(self) -> f64 {
        float(self.bad) / float(self.requests.max(1))
    }

    /// Returns the mean of the clipped latencies in microseconds; 0 without requests.
    pub(super) fn mean_clipped(self) -> f64 {
        float(self.clipped) / float(self.requests.max(1))
    }

    pub(super) const fn merge(&mut self, other: Self) {
        self.bad = self.bad.saturating_add(other.bad);
        self.requests = self.requests.saturating_add(other.requests);
        self.clipped = self.clipped.saturating_add(other.clipped);
    }

    fn count(&mut self, mark: Mark) {
        let (bad, clipped) = match mark {
            Mark::Bad => (1, 0),
            Mark::Good => (0, 0),
            Mark::Latency(micros) => (0, micros),
        };
        self.merge(Self {
            bad,
            requests: 1,
            clipped,
        });
    }
}

/// Outcomes of both versions in one span of time, by check: the value that replicas exchange.
///
/// Sums are commutative and associative, so counts of several replicas merge in any order. They hold
/// no times and no requests.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    canary: Box<[Tally]>,
    stable: Box<[Tally]>,
}

impl Counts {
    /// Creates the counts of a policy with one check.
    #[must_use]
    pub fn of_one_check(canary: Tally, stable: Tally) -> Self {
        Self {
            canary: Box::new([canary]),
            stable: Box::new([stable]),
        }
    }

    /// Creates zero counts for so many checks.
    pub(super) fn zero(checks: usize) -> Self {
        let zero = || vec![Tally::default(); checks].into_boxed_slice();
        Self {
            canary: zero(),
            stable: zero(),
        }
    }

    /// Adds the counts of another span or another replica under the same policy.
    ///
    /// Checks that only one of the two has are left out.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        self.add(other);
        self
    }

    /// Returns the counts of the check at `index`, in the order of the policy.
    #[must_use]
    pub fn check(&self, version: Version, index: usize) -> Tally {
        let tallies = match version {
            Version::Canary => &self.canary,
            Version::Stable => &self.stable,
        };
        tallies.get(index).copied().unwrap_or_default()
    }

    /// Returns the number of requests of a version: those of the check that saw the most.
    #[must_use]
    pub fn requests(&self, version: Version) -> u64 {
        let tallies = match version {
            Version::Canary => &self.canary,
            Version::Stable => &self.stable,
        };
        tallies
            .iter()
            .map(|tally| tally.requests)
            .max()
            .unwrap_or(0)
    }

    pub(super) fn add(&mut self, other: &Self) {
        let pairs = self.canary.iter_mut().zip(&other.canary);
        for (mine, theirs) in pairs.chain(self.stable.iter_mut().zip(&other.stable)) {
            mine.merge(*theirs);
        }
    }

    pub(super) fn record(
        &mut self,
        version: Version,
        index: usize,
        check: &Check,
        sample: Sample,
        slow_above: Option<u64>,
    ) {
        let tallies = match version {
            Version::Canary => &mut self.canary,
            Version::Stable => &mut self.stable,
        };
        let mark = check.mark(sample, slow_above);
        if let (Some(tally), Some(mark)) = (tallies.get_mut(index), mark) {
            tally.count(mark);
        }
    }
}

/// Converts a count; 52 bits are exact, and no process counts further.
#[expect(clippy::cast_precision_loss, reason = "exact to 2^52")]
pub(super) const fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_replicas_merge_in_any_order() {
        let one = Counts::of_one_check(Tally::new(10, 1), Tally::new(90, 0));
        let two = Counts::of_one_check(Tally::new(5, 0), Tally::new(45, 2));
        let merged = one.clone().merge(&two);
        assert_eq!(merged, two.merge(&one));
        assert_eq!(merged.check(Version::Canary, 0), Tally::new(15, 1));
        assert_eq!(merged.requests(Version::Stable), 135);
    }
}
