use std::sync::Arc;
use std::task::Waker;

use super::machine::{Bounds, Load};
use super::permits::{Entry, Permits, Place};
use super::shards::Shards;
use super::{ConcurrencyLimitGate, ConcurrencyLimitPolicy, Wait};
use crate::base::Live;
use crate::base::spread::{self, Handle};
use crate::gate::{Admission, Queued, QueuedFuture, Ticket};
use crate::{Event, Failure, Observe, Outcome, Overflow, Rejection};

/// Answers 503 for requests over the limit.
///
/// See the [module docs](super) for an example.
pub type ConcurrencyLimit<S> = Queued<S, ConcurrencyLimitGate>;

/// Response future of [`ConcurrencyLimit`].
pub type ConcurrencyLimitFuture<S, B> = QueuedFuture<S, ConcurrencyLimitGate, B>;

/// What all clones of a limit have in common.
#[derive(Debug)]
pub(super) struct Shared {
    observe: Arc<dyn Observe>,
    permits: Shards,
    policy: Live<ConcurrencyLimitPolicy>,
}

impl Shared {
    pub(super) fn new(
        policy: ConcurrencyLimitPolicy,
        observe: Arc<dyn Observe>,
        shards: u16,
    ) -> Self {
        Self {
            observe,
            permits: Shards::new(bounds(&policy), shards),
            policy: Live::new(policy),
        }
    }

    /// Starts again with so many shards.
    pub(super) fn anew(&self, shards: u16) -> Self {
        let policy = ConcurrencyLimitPolicy::clone(&self.policy.load());
        Self::new(policy, Arc::clone(&self.observe), shards)
    }

    pub(super) fn reconfigure(&self, policy: ConcurrencyLimitPolicy) {
        let bounds = bounds(&policy);
        // Both under one lock, so that two callers at once do not leave half of each.
        self.permits
            .set_bounds(bounds, || self.policy.store(policy));
    }

    /// Decides about one more; `handle` holds on to this for whoever is let in.
    #[inline]
    pub(super) fn admit(&self, handle: impl FnOnce() -> Handle<Self>) -> Admission<Permit, Wait> {
        match self.permits.enter(spread::of_thread) {
            (shard, Entry::Entered) => Admission::Admitted(Permit::new(handle(), shard)),
            (_, Entry::Queued(place)) => self.wait_at(place, handle()),
            (_, Entry::Refused(overflow)) => Admission::Rejected(self.refuse(overflow)),
        }
    }

    #[cold]
    fn wait_at(&self, place: Place, handle: Handle<Self>) -> Admission<Permit, Wait> {
        match Wait::new(handle, place, self.policy.load().max_wait()) {
            Ok(wait) => Admission::Waiting(wait),
            Err(overflow) => Admission::Rejected(self.refuse(overflow)),
        }
    }

    pub(super) fn try_admit(
        &self,
        handle: impl FnOnce() -> Handle<Self>,
    ) -> Result<Permit, Rejection> {
        match self.permits.try_enter(spread::of_thread) {
            Ok(shard) => Ok(Permit::new(handle(), shard)),
            Err(overflow) => Err(self.refuse(overflow)),
        }
    }

    /// Reports that one was turned away.
    #[cold]
    pub(super) fn refuse(&self, overflow: Overflow) -> Rejection {
        let rejection = Rejection::Overflow(overflow);
        self.observe.event(&Event::Rejected(rejection));
        rejection
    }

    pub(super) fn load(&self) -> Load {
        self.permits.load()
    }
}

fn bounds(policy: &ConcurrencyLimitPolicy) -> Bounds {
    Bounds::new(policy.max_in_flight(), policy.max_pending())
}

/// One who may run; gives the permit back, or on, when it is dropped.
#[derive(Debug)]
#[must_use = "dropping a permit gives it back"]
pub struct Permit {
    shard: u16,
    shared: Handle<Shared>,
}

impl Permit {
    /// Stands for a permit of the shard of this number.
    const fn new(shared: Handle<Shared>, number: u16) -> Self {
        Self {
            shard: number,
            shared,
        }
    }
}

impl Ticket for Permit {
    fn head(&mut self, _outcome: Outcome) {}

    fn broken(&mut self, _failure: Failure) {}

    #[inline]
    fn hears_outcome(&self) -> bool {
        false
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        self.shared.permits.get(self.shard).release();
    }
}

/// A place in the queue, which only a limit of one shard has; leaves it when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    place: Option<Place>,
    shared: Handle<Shared>,
}

impl Turn {
    pub(super) const fn new(shared: Handle<Shared>, place: Place) -> Self {
        Self {
            place: Some(place),
            shared,
        }
    }

    /// Returns the permit if it has come.
    pub(super) fn take(&mut self, waker: &Waker) -> Option<Permit> {
        let place = self.place.expect("not polled after completion");
        self.permits().poll(place, waker).then(|| self.granted())
    }

    /// Leaves the queue; the permit may have come at the last moment.
    pub(super) fn leave(&mut self) -> Option<Permit> {
        let place = self.place.take()?;
        self.permits().leave_queue(place).then(|| self.granted())
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    fn permits(&self) -> &Permits {
        self.shared.permits.get(0)
    }

    fn granted(&mut self) -> Permit {
        self.place = None;
        Permit::new(self.shared.clone(), 0)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.leave());
    }
}
