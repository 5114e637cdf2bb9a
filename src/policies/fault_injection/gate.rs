use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use http::Extensions;
use pin_project::pin_project;
use tokio::time::{Sleep, sleep};

use super::machine::Fault;
use super::{Abort, FaultInjectionPolicy, FaultInjectionStats};
use crate::foundation::admission::{Admission, Gate, Ticket};
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::{Failure, Outcome, Rejection};
use crate::foundation::sync::Switchable;
use crate::foundation::sync::rng::Rng;
use crate::foundation::time::clock;

/// State that all clones of a layer share.
pub(super) struct Shared {
    aborts: AtomicU64,
    active: AtomicU64,
    delays: AtomicU64,
    rng: Rng,
    emitter: Emitter,
    overflows: AtomicU64,
    policy: Switchable<FaultInjectionPolicy>,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("aborts", &self.aborts)
            .field("delays", &self.delays)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(policy: FaultInjectionPolicy, emitter: Emitter, rng: Rng) -> Self {
        Self {
            aborts: AtomicU64::new(0),
            active: AtomicU64::new(0),
            delays: AtomicU64::new(0),
            rng,
            emitter,
            overflows: AtomicU64::new(0),
            policy: Switchable::new(policy, FaultInjectionPolicy::is_off),
        }
    }

    pub(super) const fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    pub(super) fn reconfigure(&self, policy: FaultInjectionPolicy) {
        self.policy
            .replace(|_| policy, FaultInjectionPolicy::is_off);
    }

    /// Returns the current policy.
    pub(super) fn policy(&self) -> FaultInjectionPolicy {
        self.policy.current()
    }

    pub(super) fn stats(&self) -> FaultInjectionStats {
        FaultInjectionStats {
            // Relaxed: statistics only; the four numbers need not belong to one moment.
            aborts: self.aborts.load(Ordering::Relaxed),
            active: self.active.load(Ordering::Relaxed),
            delays: self.delays.load(Ordering::Relaxed),
            overflows: self.overflows.load(Ordering::Relaxed),
        }
    }

    fn abort(&self, abort: Abort, as_upstream: bool) -> Rejection {
        self.aborts.fetch_add(1, Ordering::Relaxed);
        let rejection = abort.rejection(as_upstream);
        self.emitter.emit(&EventKind::Rejected(rejection));
        rejection
    }
}

/// Gate that decides about faults; clones share one state.
#[derive(Clone, Debug)]
pub struct FaultGate {
    shared: Arc<Shared>,
}

impl FaultGate {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl Gate for FaultGate {
    type Ticket = FaultTicket;
    type Wait = FaultDelay;

    fn admit(&self, head: RequestHead<'_>) -> Admission<FaultTicket, FaultDelay> {
        let Some(policy) = self.shared.policy.load_unless_off() else {
            return Admission::Admitted(FaultTicket(None));
        };
        let fault = Fault::draw(&policy, head, || self.shared.rng.next_u64());
        if fault.is_none() {
            return Admission::Admitted(FaultTicket(None));
        }
        // Taken before the counters: a request over the limit passes, and counts as an overflow
        // alone.
        let Some(active) = ActiveFault::enter(&self.shared, policy.max_active()) else {
            self.shared.overflows.fetch_add(1, Ordering::Relaxed);
            return Admission::Admitted(FaultTicket(None));
        };
        let abort = fault.abort.map(|abort| (abort, policy.as_upstream()));
        match (fault.delay, abort) {
            (Some(delay), _) => {
                self.shared.delays.fetch_add(1, Ordering::Relaxed);
                Admission::Waiting(FaultDelay {
                    sleep: sleep(delay.min(clock::FAR)),
                    abort,
                    // Held during the delay and, in the ticket, until the end of the response.
                    active: Some(active),
                })
            }
            (None, Some((abort, as_upstream))) => {
                Admission::Rejected(self.shared.abort(abort, as_upstream))
            }
            (None, None) => Admission::Admitted(FaultTicket(None)),
        }
    }

    fn write_extensions(&self, _rejection: Rejection, extensions: &mut Extensions) {
        self.shared.emitter.write_source(extensions);
    }
}

/// Injected delay of one request.
#[pin_project]
#[derive(Debug)]
pub struct FaultDelay {
    #[pin]
    sleep: Sleep,
    abort: Option<(Abort, bool)>,
    active: Option<ActiveFault>,
}

impl Future for FaultDelay {
    type Output = Result<FaultTicket, Rejection>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        ready!(this.sleep.poll(cx));
        // The same permit covers delay and abort: after an abort it is released here, at once.
        let active = this.active.take().expect("not polled after completion");
        Poll::Ready(match *this.abort {
            Some((abort, as_upstream)) => Err(active.0.abort(abort, as_upstream)),
            None => Ok(FaultTicket(Some(active))),
        })
    }
}

/// Ticket of an admitted request; if it was delayed, it counts as active until the end of its
/// response.
#[derive(Debug)]
pub struct FaultTicket(#[expect(dead_code, reason = "held for its drop")] Option<ActiveFault>);

impl Ticket for FaultTicket {
    fn on_outcome(&mut self, _outcome: Outcome) {}

    fn on_body_error(&mut self, _failure: Failure) {}

    fn wants_outcome(&self) -> bool {
        false
    }
}

/// Permit of one request with a fault, as in Envoy's `max_active_faults`.
#[derive(Debug)]
struct ActiveFault(Arc<Shared>);

impl ActiveFault {
    fn enter(shared: &Arc<Shared>, max: Option<u32>) -> Option<Self> {
        let max = max.map_or(u64::MAX, u64::from);
        let enter = |active| (active < max).then_some(active + 1);
        shared
            .active
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter)
            .ok()?;
        Some(Self(Arc::clone(shared)))
    }
}

impl Drop for ActiveFault {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}
