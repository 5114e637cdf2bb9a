//! Monitors of all endpoints of a detector, and the application of their changes.

use std::collections::BTreeMap;
use std::time::Instant;

pub(super) use super::machine::Step;
use super::machine::host::AttemptReport;
use super::machine::{Change, HostId, Machine};
use super::{Ejection, EjectionReason, OutlierDetectionPolicy, OutlierDetectionStats};
use crate::foundation::endpoints::{Endpoint, Endpoints};
use crate::foundation::events::EventKind;
use crate::foundation::sync::Percent;

#[derive(Debug)]
pub(super) struct HostMonitors {
    known: BTreeMap<HostId, MonitoredEndpoint>,
    machine: Machine,
    stats: OutlierDetectionStats,
    /// Endpoint-set version at the last synchronization.
    version: Option<u64>,
}

#[derive(Debug)]
struct MonitoredEndpoint {
    /// True if the endpoint is marked dirty: failures of it are on record here.
    dirty: bool,
    endpoint: Endpoint,
    /// Criterion of the last ejection.
    reason: Option<EjectionReason>,
}

impl HostMonitors {
    pub(super) fn new(now: Instant, endpoints: &Endpoints) -> Self {
        let mut monitors = Self {
            known: BTreeMap::new(),
            machine: Machine::new(now),
            stats: OutlierDetectionStats::default(),
            version: None,
        };
        monitors.sync_endpoints(endpoints);
        monitors
    }

    /// Adds monitors of new endpoints, and removes those of endpoints that are gone.
    pub(super) fn sync_endpoints(&mut self, endpoints: &Endpoints) {
        let version = endpoints.version();
        if self.version == Some(version) {
            return;
        }
        self.version = Some(version);
        let now: BTreeMap<_, _> = endpoints
            .to_vec()
            .into_iter()
            .map(|endpoint| (endpoint.id(), endpoint))
            .collect();
        let machine = &mut self.machine;
        self.known.retain(|id, known| {
            let stays = now.contains_key(id);
            if !stays {
                machine.remove(*id);
                // The endpoint may stay in other sets, whose detectors read the same marks.
                if known.dirty {
                    known.endpoint.mark_clean();
                }
            }
            stays
        });
        for (id, endpoint) in now {
            machine.insert(id);
            self.known.entry(id).or_insert(MonitoredEndpoint {
                dirty: false,
                endpoint,
                reason: None,
            });
        }
    }

    pub(super) fn next_sweep(&self, policy: &OutlierDetectionPolicy) -> Instant {
        self.machine.next_sweep(policy)
    }

    pub(super) fn stats(&self) -> OutlierDetectionStats {
        OutlierDetectionStats {
            ejected: self.machine.ejected(),
            ..self.stats
        }
    }

    /// Returns the ejected endpoints, in the order of their ids.
    pub(super) fn ejections(&self, policy: &OutlierDetectionPolicy) -> Vec<Ejection> {
        if self.machine.ejected() == 0 {
            return Vec::new();
        }
        let ejection = |(id, known): (&HostId, &MonitoredEndpoint)| {
            let (since, until, times) = self.machine.ejection(*id, policy)?;
            Some(Ejection {
                endpoint: known.endpoint.clone(),
                reason: known.reason?,
                since,
                until,
                times,
            })
        };
        self.known.iter().filter_map(ejection).collect()
    }

    /// Unejects one endpoint.
    pub(super) fn uneject(&mut self, endpoint: &Endpoint, step: &mut Step<'_>) {
        self.machine.uneject(endpoint.id(), step);
    }

    /// Performs the sweeps that are due.
    pub(super) fn advance(&mut self, step: &mut Step<'_>) {
        self.machine.advance(step);
    }

    /// Counts a report about an endpoint; one about an endpoint that is unknown here is ignored.
    pub(super) fn report(
        &mut self,
        endpoint: &Endpoint,
        report: AttemptReport,
        step: &mut Step<'_>,
    ) {
        self.machine.report(endpoint.id(), report, step);
        self.update_dirty_mark(endpoint.id());
    }

    /// Unejects every endpoint and resets its counts.
    pub(super) fn uneject_all(&mut self, step: &mut Step<'_>) {
        self.machine.uneject_all(step);
        let known: Vec<_> = self.known.keys().copied().collect();
        for id in known {
            self.update_dirty_mark(id);
        }
    }

    /// Applies ejections and unejections to the endpoints, and collects their events.
    pub(super) fn apply_changes(
        &mut self,
        changes: &[Change],
        now: Instant,
        policy: &OutlierDetectionPolicy,
        endpoints: &Endpoints,
        events: &mut Vec<EventKind>,
    ) {
        for change in changes {
            let (host, event) = match *change {
                Change::Detected {
                    host,
                    reason,
                    enforced: true,
                } => {
                    self.stats.ejections += 1;
                    if let Some(known) = self.known.get_mut(&host) {
                        known.reason = Some(reason);
                    }
                    endpoints.set_ejected(host, true, now);
                    (host, Some(reason))
                }
                Change::Detected { host, reason, .. } | Change::Overflow { host, reason } => {
                    // A reason that the policy never enforces is not reported.
                    if policy.enforced(reason) > Percent::NONE {
                        self.stats.suppressed += 1;
                        let suppressed =
                            |endpoint| EventKind::EjectionSuppressed { endpoint, reason };
                        events.extend(self.endpoint(host).map(suppressed));
                    }
                    continue;
                }
                Change::Unejected { host } => {
                    endpoints.set_ejected(host, false, now);
                    self.update_dirty_mark(host);
                    (host, None)
                }
            };
            let event = |endpoint| match event {
                Some(reason) => EventKind::EndpointEjected { endpoint, reason },
                None => EventKind::EndpointUnejected(endpoint),
            };
            events.extend(self.endpoint(host).map(event));
        }
    }

    fn endpoint(&self, host: HostId) -> Option<Endpoint> {
        self.known.get(&host).map(|known| known.endpoint.clone())
    }

    /// Marks an endpoint as dirty if there are failures of it on record, else as clean.
    fn update_dirty_mark(&mut self, host: HostId) {
        let Some(known) = self.known.get_mut(&host) else {
            return;
        };
        // The mark is changed only when the state changes: the endpoint counts its marks, one for
        // each detector that has failures of it.
        let is_dirty = !self.machine.is_clean(host);
        if is_dirty && !known.dirty {
            known.endpoint.mark_dirty();
        } else if !is_dirty && known.dirty {
            known.endpoint.mark_clean();
        }
        known.dirty = is_dirty;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_gone_is_on_no_books() {
        let [one, other] = ["10.0.0.1:80", "10.0.0.2:80"].map(|a| Endpoint::try_from(a).unwrap());
        let endpoints = Endpoints::fixed([one.clone(), other.clone()]);
        let now = crate::foundation::time::clock::now();
        let mut monitors = HostMonitors::new(now, &endpoints);
        let mut step = Step {
            changes: &mut Vec::new(),
            now,
            policy: &OutlierDetectionPolicy::default(),
            random: &mut || 0,
        };
        monitors.report(&one, AttemptReport::Http(500), &mut step);
        assert!(!one.is_clean() && other.is_clean());
        endpoints.update([other]);
        monitors.sync_endpoints(&endpoints);
        assert!(one.is_clean());
    }
}
