//! Monitor of one endpoint.

use std::time::{Duration, Instant};

use crate::foundation::outcome::EjectionReason;
use crate::foundation::time::clock;
use crate::policies::outlier_detection::OutlierDetectionPolicy;
use crate::policies::outlier_detection::rules::Consecutive;

/// Result of one attempt, as the detector counts it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::policies::outlier_detection) enum AttemptReport {
    /// The endpoint was reached.
    Connected,
    /// The endpoint answered with this status.
    Http(u16),
    /// The endpoint was not reached, or reset the connection.
    Unreachable,
    /// No response arrived in time.
    TimedOut,
}

/// Origin of a failure, in Envoy's terms.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::policies::outlier_detection) enum FailureOrigin {
    External,
    Local,
}

/// Request counts of one sweep interval.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::policies::outlier_detection) struct RequestCounts {
    pub(in crate::policies::outlier_detection) good: u64,
    pub(in crate::policies::outlier_detection) total: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct IntervalCounts {
    current: RequestCounts,
    last: RequestCounts,
}

#[derive(Debug, Default)]
pub(in crate::policies::outlier_detection) struct HostMonitor {
    ejected: Option<Ejected>,
    external: IntervalCounts,
    failures_5xx: u32,
    failures_gateway: u32,
    failures_local: u32,
    local: IntervalCounts,
    returned: Option<Instant>,
    /// Number of ejections in a row, less one for each healthy interval.
    times: u32,
}

#[derive(Clone, Copy, Debug)]
struct Ejected {
    at: Instant,
    jitter: Duration,
}

/// Consecutive failures that have just reached their limit.
pub(in crate::policies::outlier_detection) type Signal = Option<(EjectionReason, Consecutive)>;

impl HostMonitor {
    pub(in crate::policies::outlier_detection) const fn is_ejected(&self) -> bool {
        self.ejected.is_some()
    }

    pub(in crate::policies::outlier_detection) const fn is_clean(&self) -> bool {
        self.failures_5xx == 0 && self.failures_gateway == 0 && self.failures_local == 0
    }

    /// The time from which a sweep without new traffic changes something; none if none does. `swept` is
    /// when the last one was.
    pub(in crate::policies::outlier_detection) fn next_change(
        &self,
        policy: &OutlierDetectionPolicy,
        swept: Instant,
    ) -> Option<Instant> {
        match self.ejected {
            Some(ejected) => Some(clock::after(ejected.at, self.sentence(policy, ejected))),
            // Forgiven a little with each sweep, once it has been back for an interval.
            None => (self.times > 0).then_some(swept),
        }
    }

    /// Returns the time of the ejection, that at which it is served, and the number of ejections in a row; none
    /// unless it is ejected.
    pub(in crate::policies::outlier_detection) fn ejection(
        &self,
        policy: &OutlierDetectionPolicy,
    ) -> Option<(Instant, Instant, u32)> {
        let ejected = self.ejected?;
        let served = clock::after(ejected.at, self.sentence(policy, ejected));
        Some((ejected.at, served, self.times))
    }

    /// Returns the length of an ejection, chance included.
    fn sentence(&self, policy: &OutlierDetectionPolicy, ejected: Ejected) -> Duration {
        let time = policy.ejection_time(self.times);
        time.saturating_add(ejected.jitter)
    }

    /// Counts a report and returns the limits that it reached.
    pub(in crate::policies::outlier_detection) fn record(
        &mut self,
        report: AttemptReport,
        policy: &OutlierDetectionPolicy,
    ) -> [Signal; 2] {
        match (report, policy.splits()) {
            (AttemptReport::Http(status), _) => self.record_status(status, policy),
            (AttemptReport::Connected, true) => {
                self.local.current.good += 1;
                self.local.current.total += 1;
                self.failures_local = 0;
                [None, None]
            }
            (AttemptReport::Connected, false) => [None, None],
            (AttemptReport::Unreachable | AttemptReport::TimedOut, true) => {
                [self.record_local_failure(policy), None]
            }
            (AttemptReport::Unreachable, false) => self.record_status(503, policy),
            (AttemptReport::TimedOut, false) => self.record_status(504, policy),
        }
    }

    fn record_status(&mut self, status: u16, policy: &OutlierDetectionPolicy) -> [Signal; 2] {
        self.external.current.total += 1;
        if !(500..600).contains(&status) {
            self.external.current.good += 1;
            self.failures_5xx = 0;
            self.failures_gateway = 0;
            return [None, None];
        }
        // As in Envoy, a gateway error also counts as a 5xx; another 5xx ends the row of gateway
        // errors.
        let gateway = if (502..=504).contains(&status) {
            let rule = policy.consecutive_gateway();
            count(&mut self.failures_gateway, rule)
                .then_some((EjectionReason::ConsecutiveGatewayErrors, rule))
        } else {
            self.failures_gateway = 0;
            None
        };
        let rule = policy.consecutive_5xx();
        let any =
            count(&mut self.failures_5xx, rule).then_some((EjectionReason::Consecutive5xx, rule));
        [gateway, any]
    }

    fn record_local_failure(&mut self, policy: &OutlierDetectionPolicy) -> Signal {
        self.local.current.total += 1;
        let rule = policy.consecutive_local_origin();
        count(&mut self.failures_local, rule)
            .then_some((EjectionReason::ConsecutiveLocalOriginFailures, rule))
    }

    /// Clears the count of this reason, and no other.
    pub(in crate::policies::outlier_detection) const fn clear(&mut self, reason: EjectionReason) {
        match reason {
            EjectionReason::Consecutive5xx => self.failures_5xx = 0,
            EjectionReason::ConsecutiveGatewayErrors => self.failures_gateway = 0,
            EjectionReason::ConsecutiveLocalOriginFailures => self.failures_local = 0,
            _ => {}
        }
    }

    pub(in crate::policies::outlier_detection) fn eject(
        &mut self,
        policy: &OutlierDetectionPolicy,
        now: Instant,
        random: u64,
    ) {
        // Envoy draws the jitter in whole milliseconds, both ends included.
        let max = u64::try_from(policy.max_jitter().as_millis()).unwrap_or(u64::MAX);
        let jitter = random.checked_rem(max.saturating_add(1)).unwrap_or(0);
        self.ejected = Some(Ejected {
            at: now,
            jitter: Duration::from_millis(jitter),
        });
        // The number stops where the time has reached its maximum: Envoy does the same, so that
        // recovery does not need more healthy intervals than that.
        if policy.grows_after(self.times) {
            self.times = self.times.saturating_add(1);
        }
    }

    /// Returns true if the ejection time of this host is over.
    pub(in crate::policies::outlier_detection) fn ejection_elapsed(
        &self,
        policy: &OutlierDetectionPolicy,
        now: Instant,
    ) -> bool {
        self.ejected.is_some_and(|ejected| {
            now.saturating_duration_since(ejected.at) >= self.sentence(policy, ejected)
        })
    }

    pub(in crate::policies::outlier_detection) const fn uneject(&mut self, now: Instant) {
        self.ejected = None;
        self.failures_5xx = 0;
        self.failures_gateway = 0;
        self.failures_local = 0;
        self.returned = Some(now);
    }

    /// Starts the counts of the next interval.
    pub(in crate::policies::outlier_detection) fn roll_interval(&mut self) {
        for interval in [&mut self.external, &mut self.local] {
            interval.last = std::mem::take(&mut interval.current);
        }
    }

    /// Takes one ejection off the number for each healthy interval.
    pub(in crate::policies::outlier_detection) fn decay_ejection_count(
        &mut self,
        policy: &OutlierDetectionPolicy,
        now: Instant,
    ) {
        let healthy = self
            .returned
            .is_some_and(|returned| now.saturating_duration_since(returned) >= policy.interval());
        if self.ejected.is_none() && healthy {
            self.times = self.times.saturating_sub(1);
        }
    }

    /// Returns the time of the last unejection.
    #[cfg(test)]
    pub(in crate::policies::outlier_detection) const fn returned(&self) -> Option<Instant> {
        self.returned
    }

    /// Returns the counts of the interval before the last sweep.
    pub(in crate::policies::outlier_detection) const fn last(
        &self,
        origin: FailureOrigin,
    ) -> RequestCounts {
        match origin {
            FailureOrigin::External => self.external.last,
            FailureOrigin::Local => self.local.last,
        }
    }
}

/// Counts one more failure and returns true if it is the one that reaches the limit; later ones do
/// not.
fn count(failures: &mut u32, rule: Consecutive) -> bool {
    *failures = failures.saturating_add(1);
    *failures == rule.failures
}
