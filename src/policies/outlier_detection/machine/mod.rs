//! State machine of Envoy's outlier detection: time, random bits, policy and reports in, changes
//! out.

pub(in crate::policies::outlier_detection) mod host;
pub(in crate::policies::outlier_detection) mod rates;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests choose the start of time")]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::OutlierDetectionPolicy;
use super::rules::Consecutive;
use crate::foundation::outcome::EjectionReason;
use crate::foundation::sync::Percent;
use crate::foundation::time::clock;
use host::{AttemptReport, FailureOrigin, HostMonitor};
use rates::Rates;

/// Identifier of an endpoint; never reused.
pub(super) type HostId = u64;

/// Change of an endpoint's state, or one that was suppressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Change {
    /// An outlier was detected, and ejected if that is enforced.
    Detected {
        host: HostId,
        reason: EjectionReason,
        enforced: bool,
    },
    /// An outlier was detected, but too many endpoints are ejected already.
    Overflow {
        host: HostId,
        reason: EjectionReason,
    },
    /// An endpoint was unejected.
    Unejected { host: HostId },
}

/// Monitors of the endpoints of one destination.
#[derive(Debug)]
pub(super) struct Machine {
    ejected: usize,
    hosts: BTreeMap<HostId, HostMonitor>,
    /// Rates at the last sweep, of the endpoints' responses and of local origin failures.
    rates: [Option<Rates>; 2],
    /// Time of the last sweep, or of the creation: sweeps are due in intervals from here.
    swept: Instant,
}

/// Inputs and outputs of one step of the machine.
pub(super) struct Step<'a> {
    pub(super) changes: &'a mut Vec<Change>,
    pub(super) now: Instant,
    pub(super) policy: &'a OutlierDetectionPolicy,
    pub(super) random: &'a mut dyn FnMut() -> u64,
}

impl Machine {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            ejected: 0,
            hosts: BTreeMap::new(),
            rates: [None; 2],
            swept: now,
        }
    }

    /// Adds a host; one that is known stays as it is.
    pub(super) fn insert(&mut self, host: HostId) {
        self.hosts.entry(host).or_default();
    }

    pub(super) fn remove(&mut self, host: HostId) {
        if self
            .hosts
            .remove(&host)
            .is_some_and(|host| host.is_ejected())
        {
            self.ejected -= 1;
        }
    }

    pub(super) fn is_ejected(&self, host: HostId) -> bool {
        self.hosts.get(&host).is_some_and(HostMonitor::is_ejected)
    }

    /// Returns true if a host has no failures on record, so that a success changes no consecutive
    /// count.
    pub(super) fn is_clean(&self, host: HostId) -> bool {
        self.hosts.get(&host).is_none_or(HostMonitor::is_clean)
    }

    #[cfg(test)]
    pub(super) fn host(&self, host: HostId) -> Option<&HostMonitor> {
        self.hosts.get(&host)
    }

    pub(super) const fn ejected(&self) -> usize {
        self.ejected
    }

    /// Returns the time at which the next sweep is due.
    pub(super) fn next_sweep(&self, policy: &OutlierDetectionPolicy) -> Instant {
        clock::after(self.swept, policy.interval())
    }

    /// Returns the rates at the last sweep, if there were enough to compare.
    #[cfg(test)]
    pub(super) const fn rates(&self, origin: FailureOrigin) -> Option<Rates> {
        self.rates[origin as usize]
    }

    /// Returns the times of a host's ejection and of the sweep that ends it, and the number of ejections in a row.
    pub(super) fn ejection(
        &self,
        host: HostId,
        policy: &OutlierDetectionPolicy,
    ) -> Option<(Instant, Instant, u32)> {
        let (at, served, times) = self.hosts.get(&host)?.ejection(policy)?;
        let interval = policy.interval().as_nanos();
        let wait = served.saturating_duration_since(self.swept).as_nanos();
        let sweeps = wait.div_ceil(interval).max(1);
        let until = clock::after(self.swept, nanos(interval.saturating_mul(sweeps)));
        Some((at, until, times))
    }

    /// Unejects a host and clears its consecutive counts; one that is not ejected stays as it is.
    pub(super) fn uneject(&mut self, host: HostId, step: &mut Step<'_>) {
        if let Some(known) = self.hosts.get_mut(&host).filter(|host| host.is_ejected()) {
            known.uneject(step.now);
            self.ejected -= 1;
            step.changes.push(Change::Unejected { host });
        }
    }

    /// Unejects every host and resets its counts.
    pub(super) fn uneject_all(&mut self, step: &mut Step<'_>) {
        for (id, host) in &mut self.hosts {
            if host.is_ejected() {
                step.changes.push(Change::Unejected { host: *id });
            }
            *host = HostMonitor::default();
        }
        self.ejected = 0;
    }

    /// Counts the result of an attempt at `host`; a host that was removed is ignored.
    pub(super) fn report(&mut self, host: HostId, report: AttemptReport, step: &mut Step<'_>) {
        let Some(known) = self.hosts.get_mut(&host) else {
            return;
        };
        let signals = known.record(report, step.policy);
        for (reason, rule) in signals.into_iter().flatten() {
            self.signal(host, reason, rule, step);
        }
    }

    /// Performs the sweeps that are due. They lie on a grid, so no timer has to run for them.
    pub(super) fn advance(&mut self, step: &mut Step<'_>) {
        let interval = step.policy.interval();
        let elapsed = step.now.saturating_duration_since(self.swept);
        let due = elapsed.as_nanos() / interval.as_nanos();
        if due == 0 {
            return;
        }
        let now = step.now;
        step.now = clock::after(self.swept, interval);
        self.sweep(step);
        // The first sweep looked at all the traffic that there was, so the others only let time pass,
        // and all but a few of them would do nothing.
        let mut left = due - 1;
        while left > 0 {
            let idle = self.idle_sweeps(step.policy).min(left);
            self.swept = clock::after(self.swept, nanos(interval.as_nanos().saturating_mul(idle)));
            left -= idle;
            if left > 0 {
                step.now = clock::after(self.swept, interval);
                self.sweep(step);
                left -= 1;
            }
        }
        step.now = now;
    }

    /// Counts the sweeps to come that change nothing unless there is new traffic.
    fn idle_sweeps(&self, policy: &OutlierDetectionPolicy) -> u128 {
        let hosts = self.hosts.values();
        let next = hosts.filter_map(|host| host.next_change(policy, self.swept));
        next.min().map_or(u128::MAX, |next| {
            let wait = next.saturating_duration_since(self.swept).as_nanos();
            // The sweep at or after that time is the first that does something.
            wait.div_ceil(policy.interval().as_nanos())
                .saturating_sub(1)
        })
    }

    /// One sweep: Envoy's interval timer.
    pub(super) fn sweep(&mut self, step: &mut Step<'_>) {
        self.swept = step.now;
        // The order of Envoy: unejections, then the rates of the closed interval, then the decay.
        for (id, host) in &mut self.hosts {
            if host.ejection_elapsed(step.policy, step.now) {
                host.uneject(step.now);
                self.ejected -= 1;
                step.changes.push(Change::Unejected { host: *id });
            }
            host.roll_interval();
        }
        if step.policy.compares_rates() {
            self.by_rates(FailureOrigin::External, step);
            self.by_rates(FailureOrigin::Local, step);
        }
        for host in self.hosts.values_mut() {
            host.decay_ejection_count(step.policy, step.now);
        }
    }

    fn by_rates(&mut self, origin: FailureOrigin, step: &mut Step<'_>) {
        let (rates, outliers) = rates::outliers(&self.hosts, origin, step.policy);
        self.rates[origin as usize] = rates;
        for (host, reason, enforced) in outliers {
            self.found(host, reason, enforced, step);
        }
    }

    fn signal(
        &mut self,
        host: HostId,
        reason: EjectionReason,
        rule: Consecutive,
        step: &mut Step<'_>,
    ) {
        if self.is_ejected(host) {
            // The counter stays: it fires when it equals the limit, and is past it now.
            return;
        }
        self.found(host, reason, rule.enforced, step);
        if let Some(known) = self.hosts.get_mut(&host) {
            known.clear(reason);
        }
    }

    fn found(
        &mut self,
        host: HostId,
        reason: EjectionReason,
        enforced: Percent,
        step: &mut Step<'_>,
    ) {
        let hosts = self.hosts.len();
        // Success rate and failure percentage may detect the same host in one sweep.
        let Some(known) = self.hosts.get_mut(&host).filter(|host| !host.is_ejected()) else {
            return;
        };
        if !step.policy.allows(self.ejected, hosts) {
            step.changes.push(Change::Overflow { host, reason });
            return;
        }
        // After the limit, as in Envoy: an overflow is reported regardless of the enforced share.
        let enforced = enforced.happens((step.random)());
        if enforced {
            self.ejected += 1;
            known.eject(step.policy, step.now, (step.random)());
        }
        step.changes.push(Change::Detected {
            host,
            reason,
            enforced,
        });
    }
}

fn nanos(nanos: u128) -> Duration {
    // 584 years of nanoseconds fit.
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
