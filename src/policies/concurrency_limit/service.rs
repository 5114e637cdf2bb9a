use std::fmt::{self, Debug, Formatter};
use std::task::Waker;

use super::machine::{Bounds, Occupancy};
use super::permits::{Entered, Permits, QueueEntry};
use super::shards::Shards;
use super::{ConcurrencyLimitGate, ConcurrencyLimitPolicy, Wait};
use crate::foundation::admission::{Admission, Queued, QueuedFuture, Ticket};
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::outcome::{Failure, Outcome, Overflow, Rejection};
use crate::foundation::sync::Reloadable;
use crate::foundation::sync::sharded_arc;
use crate::foundation::sync::sharded_arc::LocalArc;

/// Rejects requests over the concurrency limit with 503, or queues them.
///
/// See the [module docs](super) for an example.
pub type ConcurrencyLimit<S> = Queued<S, ConcurrencyLimitGate>;

/// Response future of [`ConcurrencyLimit`].
pub type ConcurrencyLimitFuture<S, B> = QueuedFuture<S, ConcurrencyLimitGate, B>;

/// State shared by all clones of a concurrency limit.
pub(super) struct Shared {
    emitter: Emitter,
    permits: Shards,
    policy: Reloadable<ConcurrencyLimitPolicy>,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("in_flight", &self.load().in_flight)
            .field("max", &self.policy().max_in_flight())
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(policy: ConcurrencyLimitPolicy, emitter: Emitter, shards: u16) -> Self {
        Self {
            emitter,
            permits: Shards::new(bounds(&policy), shards),
            policy: Reloadable::new(policy),
        }
    }

    /// Returns a state with the same policy, this many shards and no request in flight.
    pub(super) fn reset_with(&self, shards: u16) -> Self {
        Self::new(self.policy(), self.emitter.clone(), shards)
    }

    /// Returns the current policy.
    pub(super) fn policy(&self) -> ConcurrencyLimitPolicy {
        self.policy.current()
    }

    pub(super) fn reconfigure(&self, policy: ConcurrencyLimitPolicy) {
        let bounds = bounds(&policy);
        // Both under one lock, so that concurrent calls cannot combine the bounds of one policy
        // with the other.
        self.permits
            .set_bounds(bounds, || self.policy.store(policy));
    }

    /// Admits, queues or rejects a request; `handle` returns the ticket's reference to this state.
    #[inline]
    pub(super) fn admit(
        &self,
        handle: impl FnOnce() -> LocalArc<Self>,
    ) -> Admission<ConcurrencyLimitTicket, Wait> {
        match self.permits.enter(sharded_arc::current_shard) {
            (shard, Entered::Admitted) => {
                Admission::Admitted(ConcurrencyLimitTicket::new(handle(), shard))
            }
            (_, Entered::Queued(place)) => self.wait_at(place, handle()),
            (_, Entered::Rejected(overflow)) => Admission::Rejected(self.reject(overflow)),
        }
    }

    #[cold]
    fn wait_at(
        &self,
        place: QueueEntry,
        handle: LocalArc<Self>,
    ) -> Admission<ConcurrencyLimitTicket, Wait> {
        match Wait::new(handle, place, self.policy.load().max_wait()) {
            Ok(wait) => Admission::Waiting(wait),
            Err(overflow) => Admission::Rejected(self.reject(overflow)),
        }
    }

    pub(super) fn try_admit(
        &self,
        handle: impl FnOnce() -> LocalArc<Self>,
    ) -> Result<ConcurrencyLimitTicket, Rejection> {
        match self.permits.try_enter(sharded_arc::current_shard) {
            Ok(shard) => Ok(ConcurrencyLimitTicket::new(handle(), shard)),
            Err(overflow) => Err(self.reject(overflow)),
        }
    }

    /// Reports a rejection.
    #[cold]
    pub(super) fn reject(&self, overflow: Overflow) -> Rejection {
        let rejection = Rejection::Overflow(overflow);
        self.emitter.emit(&EventKind::Rejected(rejection));
        rejection
    }

    pub(super) const fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    pub(super) fn load(&self) -> Occupancy {
        self.permits.load()
    }
}

fn bounds(policy: &ConcurrencyLimitPolicy) -> Bounds {
    Bounds::new(policy.max_in_flight(), policy.max_pending())
}

/// A permit in use; dropping it releases it, or hands it to the first waiter.
#[derive(Debug)]
#[must_use = "dropping a ticket releases its permit"]
pub struct ConcurrencyLimitTicket {
    shard: u16,
    shared: LocalArc<Shared>,
}

impl ConcurrencyLimitTicket {
    /// Creates the ticket of a permit of shard `number`.
    const fn new(shared: LocalArc<Shared>, number: u16) -> Self {
        Self {
            shard: number,
            shared,
        }
    }
}

impl Ticket for ConcurrencyLimitTicket {
    fn on_outcome(&mut self, _outcome: Outcome) {}

    fn on_body_error(&mut self, _failure: Failure) {}

    #[inline]
    fn wants_outcome(&self) -> bool {
        false
    }
}

impl Drop for ConcurrencyLimitTicket {
    #[inline]
    fn drop(&mut self) {
        self.shared.permits.get(self.shard).release();
    }
}

/// An entry in the queue, which only a limit of one shard has; dropping it leaves the queue.
#[derive(Debug)]
pub(super) struct QueuedPermit {
    entry: Option<QueueEntry>,
    shared: LocalArc<Shared>,
}

impl QueuedPermit {
    pub(super) const fn new(shared: LocalArc<Shared>, place: QueueEntry) -> Self {
        Self {
            entry: Some(place),
            shared,
        }
    }

    /// Returns the permit if it was granted.
    pub(super) fn take(&mut self, waker: &Waker) -> Option<ConcurrencyLimitTicket> {
        let place = self.entry.expect("not polled after completion");
        self.permits().poll(place, waker).then(|| self.granted())
    }

    /// Leaves the queue; returns the permit if it was granted in the last moment.
    pub(super) fn leave(&mut self) -> Option<ConcurrencyLimitTicket> {
        let place = self.entry.take()?;
        // A permit granted in the last moment is returned as a ticket, whose drop releases it.
        self.permits().leave_queue(place).then(|| self.granted())
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    fn permits(&self) -> &Permits {
        self.shared.permits.get(0)
    }

    fn granted(&mut self) -> ConcurrencyLimitTicket {
        self.entry = None;
        ConcurrencyLimitTicket::new(self.shared.clone(), 0)
    }
}

impl Drop for QueuedPermit {
    fn drop(&mut self) {
        drop(self.leave());
    }
}
