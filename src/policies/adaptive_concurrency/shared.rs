use std::fmt::{self, Debug, Formatter};
use std::sync::PoisonError;
use std::time::Duration;

use super::machine::{Decision, Machine, Sample, Traffic};
use super::{AdaptiveConcurrencyPolicy, LimitState};
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::outcome::{Overflow, Rejection};
use crate::foundation::sync::Reloadable;
use crate::foundation::sync::primitives::Mutex;
use crate::foundation::sync::primitives::atomic::{AtomicU32, Ordering};
use crate::foundation::time::clock;

/// State shared by all clones of an adaptive limit.
pub(super) struct Shared {
    emitter: Emitter,
    in_flight: AtomicU32,
    /// 0 under a policy that is off.
    limit: AtomicU32,
    machine: Mutex<Machine>,
    /// Most requests in flight since the last window.
    peak: AtomicU32,
    policy: Reloadable<AdaptiveConcurrencyPolicy>,
    /// Requests refused since the last window.
    refused: AtomicU32,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("in_flight", &self.in_flight())
            .field("limit", &self.limit.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(policy: AdaptiveConcurrencyPolicy, emitter: Emitter) -> Self {
        let machine = Machine::new(&policy, policy.initial_limit(), clock::now());
        Self {
            emitter,
            in_flight: AtomicU32::new(0),
            limit: AtomicU32::new(effective(&policy, machine.limit())),
            machine: Mutex::new(machine),
            peak: AtomicU32::new(0),
            policy: Reloadable::new(policy),
            refused: AtomicU32::new(0),
        }
    }

    pub(super) fn policy(&self) -> AdaptiveConcurrencyPolicy {
        self.policy.current()
    }

    pub(super) fn with_policy<T>(&self, f: impl FnOnce(&AdaptiveConcurrencyPolicy) -> T) -> T {
        f(&self.policy.load())
    }

    pub(super) const fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Returns true if nothing is limited.
    #[inline]
    pub(super) fn is_off(&self) -> bool {
        self.limit.load(Ordering::Relaxed) == 0
    }

    /// Replaces the policy; the limit is kept within its bounds, and what was learned if the algorithm stays.
    pub(super) fn reconfigure(&self, policy: AdaptiveConcurrencyPolicy) {
        let now = clock::now();
        self.locked(|machine| {
            if self.policy.load().algorithm() == policy.algorithm() {
                machine.hold_within(&policy);
            } else {
                *machine = Machine::new(&policy, machine.limit(), now);
            }
            let limit = effective(&policy, machine.limit());
            self.limit.store(limit, Ordering::Relaxed);
            self.policy.store(policy);
        });
    }

    /// Takes a permit.
    #[inline]
    pub(super) fn enter(&self) -> Result<(), Rejection> {
        let limit = self.limit.load(Ordering::Relaxed);
        // AcqRel: the work under a permit happens before that of the request that gets it next.
        let entered = self
            .in_flight
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |n| {
                (limit == 0 || n < limit).then(|| n.saturating_add(1))
            });
        match entered {
            Ok(before) => {
                // Read first: the peak is written a few times in a window, not by each request.
                if self.peak.load(Ordering::Relaxed) <= before {
                    self.peak
                        .fetch_max(before.saturating_add(1), Ordering::Relaxed);
                }
                Ok(())
            }
            Err(_) => Err(self.reject(limit)),
        }
    }

    #[inline]
    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }

    #[cold]
    fn reject(&self, limit: u32) -> Rejection {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let rejection = Rejection::Overflow(Overflow::Adaptive(limit));
        self.emitter.emit(&EventKind::Rejected(rejection));
        rejection
    }

    /// Adds a sample, and changes the limit if a window ends with it.
    pub(super) fn record(&self, sample: Sample) {
        let now = clock::now();
        let changed = self.locked(|machine| {
            let policy = self.policy.load();
            if policy.is_off() {
                return None;
            }
            let decision = machine.record(&policy, sample, now, || self.traffic())?;
            self.limit.store(decision.limit, Ordering::Relaxed);
            change(machine, decision)
        });
        // Outside the lock, since an observer may be slow.
        if let Some(event) = changed {
            self.emitter.emit(&event);
        }
    }

    pub(super) fn state(&self) -> LimitState {
        self.locked(|machine| LimitState {
            baseline: machine.baseline(),
            in_flight: self.in_flight(),
            latency: machine.latency(),
            limit: self.limit.load(Ordering::Relaxed),
            probing: machine.is_probing(),
        })
    }

    /// Returns the counts since the last window, and begins those of the next.
    fn traffic(&self) -> Traffic {
        Traffic {
            peak: self.peak.swap(self.in_flight(), Ordering::Relaxed),
            refused: self.refused.swap(0, Ordering::Relaxed),
        }
    }

    fn locked<T>(&self, f: impl FnOnce(&mut Machine) -> T) -> T {
        // A panic cannot leave the machine half changed: it calls no foreign code.
        f(&mut self.machine.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns the limit as it is stored: 0 under a policy that is off.
fn effective(policy: &AdaptiveConcurrencyPolicy, limit: u32) -> u32 {
    if policy.is_off() { 0 } else { limit }
}

/// Returns the event of a change that is worth a report.
fn change(machine: &Machine, decision: Decision) -> Option<EventKind> {
    Some(EventKind::ConcurrencyLimitChanged {
        baseline: machine.baseline(),
        latency: machine.latency().unwrap_or(Duration::ZERO),
        limit: decision.limit,
        previous: decision.previous?,
    })
}
