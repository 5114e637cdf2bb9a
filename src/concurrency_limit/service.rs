use std::sync::Arc;
use std::task::Waker;

use super::machine::{Bounds, Load};
use super::permits::{Entry, Permits, Place};
use super::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy, Wait};
use crate::base::Live;
use crate::gate::{Admission, Queued, QueuedFuture, Ticket};
use crate::{Event, Failure, Observe, Outcome, Overflow, Rejection};

/// Answers 503 for requests over the limit.
///
/// See the [module docs](super) for an example.
pub type ConcurrencyLimit<S> = Queued<S, ConcurrencyLimitLayer>;

/// Response future of [`ConcurrencyLimit`].
pub type ConcurrencyLimitFuture<S, B> = QueuedFuture<S, ConcurrencyLimitLayer, B>;

/// What all clones of a limit have in common.
#[derive(Debug)]
pub(super) struct Shared {
    observe: Arc<dyn Observe>,
    permits: Permits,
    policy: Live<ConcurrencyLimitPolicy>,
}

impl Shared {
    pub(super) fn new(policy: ConcurrencyLimitPolicy, observe: Arc<dyn Observe>) -> Self {
        Self {
            observe,
            permits: Permits::new(bounds(&policy)),
            policy: Live::new(policy),
        }
    }

    pub(super) fn reconfigure(&self, policy: ConcurrencyLimitPolicy) {
        let bounds = bounds(&policy);
        // Both under one lock, so that two callers at once do not leave half of each.
        self.permits
            .set_bounds(bounds, || self.policy.store(policy));
    }

    pub(super) fn admit(self: &Arc<Self>) -> Admission<Permit, Wait> {
        let refused = match self.permits.enter() {
            Entry::Entered => return Admission::Admitted(Permit(Arc::clone(self))),
            Entry::Queued(place) => match Wait::new(self, place, self.policy.load().max_wait()) {
                Ok(wait) => return Admission::Waiting(wait),
                Err(overflow) => overflow,
            },
            Entry::Refused(overflow) => overflow,
        };
        Admission::Rejected(self.refuse(refused))
    }

    pub(super) fn try_admit(self: &Arc<Self>) -> Result<Permit, Rejection> {
        match self.permits.try_enter() {
            Ok(()) => Ok(Permit(Arc::clone(self))),
            Err(overflow) => Err(self.refuse(overflow)),
        }
    }

    /// Reports that one was turned away.
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
pub struct Permit(Arc<Shared>);

impl Ticket for Permit {
    fn head(&mut self, _outcome: Outcome) {}

    fn broken(&mut self, _failure: Failure) {}

    fn hears_outcome(&self) -> bool {
        false
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.permits.release();
    }
}

/// A place in the queue; leaves it when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    place: Option<Place>,
    shared: Arc<Shared>,
}

impl Turn {
    pub(super) fn new(shared: &Arc<Shared>, place: Place) -> Self {
        Self {
            place: Some(place),
            shared: Arc::clone(shared),
        }
    }

    /// Returns the permit if it has come.
    pub(super) fn take(&mut self, waker: &Waker) -> Option<Permit> {
        let place = self.place.expect("not polled after completion");
        self.shared
            .permits
            .poll(place, waker)
            .then(|| self.granted())
    }

    /// Leaves the queue; the permit may have come at the last moment.
    pub(super) fn leave(&mut self) -> Option<Permit> {
        let place = self.place.take()?;
        self.shared
            .permits
            .leave_queue(place)
            .then(|| self.granted())
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    fn granted(&mut self) -> Permit {
        self.place = None;
        Permit(Arc::clone(&self.shared))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.leave());
    }
}
