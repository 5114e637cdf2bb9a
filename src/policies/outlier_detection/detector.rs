use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::host_monitors::{HostMonitors, Step};
use super::report::{is_good, reports};
use super::{Ejection, OutlierDetectionPolicy, OutlierDetectionStats};
use crate::foundation::endpoints::endpoint_set::Sweep;
use crate::foundation::endpoints::{Endpoint, EndpointObserver, Endpoints};
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::outcome::Outcome;
use crate::foundation::sync::Reloadable;
use crate::foundation::sync::primitives::Mutex;
use crate::foundation::sync::primitives::atomic::{AtomicU64, Ordering};
use crate::foundation::sync::rng::Rng;
use crate::foundation::time::clock;
use crate::foundation::time::clock::ClockOrigin;

/// Detects outliers among the endpoints of one destination, and ejects them for a while.
///
/// Set it as the endpoint observer of the balancer over the same endpoints; clones share
/// everything. Dropping the last clone unejects every endpoint. See the [module docs](super) for an
/// example.
#[derive(Clone, Debug)]
pub struct OutlierDetector {
    shared: Arc<Shared>,
}

struct Shared {
    monitors: Mutex<HostMonitors>,
    rng: Rng,
    endpoints: Endpoints,
    /// Time at which the next sweep is due, in nanoseconds from the origin.
    next_sweep: AtomicU64,
    emitter: Emitter,
    origin: ClockOrigin,
    policy: Reloadable<OutlierDetectionPolicy>,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("endpoints", &self.endpoints.len())
            .finish_non_exhaustive()
    }
}

impl OutlierDetector {
    /// Creates a detector for `endpoints`; its sweep intervals start now.
    #[must_use]
    pub fn new(policy: OutlierDetectionPolicy, endpoints: Endpoints) -> Self {
        Self::from_parts(policy, endpoints, Emitter::default(), Rng::default())
    }

    /// Creates a detector that reports ejections and unejections to `observe`.
    #[must_use]
    pub fn with_observer(
        policy: OutlierDetectionPolicy,
        endpoints: Endpoints,
        observe: Arc<dyn Observe>,
    ) -> Self {
        Self::from_parts(policy, endpoints, Emitter::new(observe), Rng::default())
    }

    named!(self => self.shared.emitter.clone());

    /// Creates a detector whose random decisions follow from `seed`, for tests.
    #[must_use]
    pub fn with_seed(policy: OutlierDetectionPolicy, endpoints: Endpoints, seed: u64) -> Self {
        Self::from_parts(policy, endpoints, Emitter::default(), Rng::with_seed(seed))
    }

    /// Replaces the policy from now on. Counts and ejections stay, unless the new policy is
    /// [off](OutlierDetectionPolicy::off). A new interval is measured from the last sweep.
    pub fn reconfigure(&self, policy: OutlierDetectionPolicy) {
        self.shared.policy.store(policy);
        let policy = self.shared.policy.load();
        self.shared.step(clock::now(), &policy, |monitors, step| {
            // At once: a policy that is off must not keep endpoints ejected until the next sweep.
            if !policy.is_on() {
                monitors.uneject_all(step);
            }
        });
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> OutlierDetectionPolicy {
        self.shared.policy.current()
    }

    /// Returns what was found so far; who has served an ejection by now is back, also if there were no
    /// requests meanwhile.
    #[must_use]
    pub fn stats(&self) -> OutlierDetectionStats {
        self.shared.sweep(clock::now());
        self.shared.lock().stats()
    }

    /// Returns the ejections that last, in the order in which the endpoints were made; empty for a policy that
    /// is off.
    #[must_use]
    pub fn ejections(&self) -> Vec<Ejection> {
        self.shared.sweep(clock::now());
        self.shared.lock().ejections(&self.shared.policy.load())
    }

    /// Ends the ejection of an endpoint, and clears its consecutive failures. It returns true if there was one to end.
    ///
    /// The endpoint may be ejected again at once, if it fails as before.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn uneject(&self, endpoint: &Endpoint) -> bool {
        let mut is_ended = false;
        let policy = self.shared.policy.load();
        self.shared.step(clock::now(), &policy, |monitors, step| {
            let before = step.changes.len();
            monitors.uneject(endpoint, step);
            is_ended = step.changes.len() > before;
        });
        is_ended
    }

    pub(crate) fn from_parts(
        policy: OutlierDetectionPolicy,
        endpoints: Endpoints,
        emitter: Emitter,
        rng: Rng,
    ) -> Self {
        let now = clock::now();
        let origin = ClockOrigin::at(now);
        let monitors = HostMonitors::new(now, &endpoints);
        let next_sweep = origin.nanos(monitors.next_sweep(&policy));
        let shared = Arc::new(Shared {
            monitors: Mutex::new(monitors),
            rng,
            endpoints,
            next_sweep: AtomicU64::new(next_sweep),
            emitter,
            origin,
            policy: Reloadable::new(policy),
        });
        let sweeper: Weak<Shared> = Arc::downgrade(&shared);
        shared.endpoints.swept_by(sweeper);
        Self { shared }
    }
}

impl EndpointObserver for OutlierDetector {
    fn report(&self, endpoint: &Endpoint, outcome: Outcome) {
        let policy = self.shared.policy.load();
        if !policy.is_on() {
            return;
        }
        let reports = reports(outcome, &policy);
        let mut all = reports.iter().flatten();
        // The common case takes no lock: a success of an endpoint without failures on record, when
        // no rates are compared.
        if !policy.compares_rates() && endpoint.is_clean() && all.all(|report| is_good(*report)) {
            return;
        }
        self.shared.step(clock::now(), &policy, |monitors, step| {
            for report in reports.into_iter().flatten() {
                monitors.report(endpoint, report, step);
            }
        });
    }

    fn sweep(&self, now: Instant) {
        self.shared.sweep(now);
    }
}

impl Sweep for Shared {
    fn sweep(&self, now: Instant) {
        if self.origin.nanos(now) >= self.next_sweep.load(Ordering::Relaxed) {
            self.step(now, &self.policy.load(), |_, _| ());
        }
    }
}

impl Shared {
    /// Performs the sweeps that are due and then `act`; applies the changes, and reports them after
    /// the lock is released.
    fn step(
        &self,
        now: Instant,
        policy: &OutlierDetectionPolicy,
        act: impl FnOnce(&mut HostMonitors, &mut Step<'_>),
    ) {
        let mut events = Vec::new();
        {
            let mut monitors = self.lock();
            monitors.sync_endpoints(&self.endpoints);
            let mut changes = Vec::new();
            let mut step = Step {
                changes: &mut changes,
                now,
                policy,
                random: &mut || self.rng.next_u64(),
            };
            monitors.advance(&mut step);
            act(&mut monitors, &mut step);
            // Under the lock, so that another thread's later change cannot be applied before this one.
            monitors.apply_changes(&changes, now, policy, &self.endpoints, &mut events);
            let next_sweep = self.origin.nanos(monitors.next_sweep(policy));
            self.next_sweep.store(next_sweep, Ordering::Relaxed);
        }
        for event in events {
            self.emitter.emit(&event);
        }
    }

    fn lock(&self) -> impl std::ops::DerefMut<Target = HostMonitors> {
        self.monitors
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Unejects all endpoints: without a detector they would stay ejected for ever.
impl Drop for Shared {
    fn drop(&mut self) {
        let policy = self.policy.load();
        self.step(clock::now(), &policy, HostMonitors::uneject_all);
    }
}
