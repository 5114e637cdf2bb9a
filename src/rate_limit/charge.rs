use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Status;
use super::shared::Shared;
use super::store::Slot;

/// A call that a limiter let in.
///
/// To drop it changes nothing: what was charged stays charged. Who knows better says so with
/// [`settle`](Self::settle).
#[derive(Debug)]
pub struct Permit {
    at: u64,
    charged: u64,
    shared: Arc<Shared>,
    slot: Slot,
}

impl Permit {
    pub(super) const fn new(shared: Arc<Shared>, slot: Slot, at: u64, charged: u64) -> Self {
        Self {
            at,
            charged,
            shared,
            slot,
        }
    }

    /// What the call was charged.
    #[must_use]
    pub const fn charged(&self) -> u64 {
        self.charged
    }

    /// Corrects the charge to what the call has `actual`ly cost: the difference is given back, or
    /// charged whatever is left, so that later calls make up for it.
    ///
    /// What is given back after it has come back by itself, because time has passed, changes
    /// nothing: a limit never has more left than all of it.
    pub fn settle(mut self, actual: u64) {
        self.correct(actual);
    }

    pub(super) fn correct(&mut self, actual: u64) {
        let charged = std::mem::replace(&mut self.charged, actual);
        self.shared.settle(self.slot, self.at, charged, actual);
    }

    /// How much is left, if the policy tells it to those who are let in.
    pub(super) fn status_if_told(&self) -> Option<Status> {
        let active = self.shared.active();
        let told = active.policy.headers().on_all();
        told.then(|| self.shared.status(&active, self.slot))
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// What a request was charged, to be settled by whoever reads the response's body.
///
/// It is in the extensions of the response if the policy
/// [asks for it](super::RateLimitPolicy::with_charge). Clones settle the same charge.
#[derive(Clone, Debug)]
pub struct Charge(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    at: u64,
    charged: AtomicU64,
    shared: Arc<Shared>,
    slot: Slot,
}

impl Charge {
    pub(super) fn new(permit: &Permit) -> Self {
        Self(Arc::new(Inner {
            at: permit.at,
            charged: AtomicU64::new(permit.charged),
            shared: Arc::clone(&permit.shared),
            slot: permit.slot,
        }))
    }

    /// What the request is charged as of now.
    #[must_use]
    pub fn charged(&self) -> u64 {
        self.0.charged.load(Ordering::Relaxed)
    }

    /// Corrects the charge to what the request has `actual`ly cost. Said again, the last holds, so a
    /// stream can be settled as it goes.
    pub fn settle(&self, actual: u64) {
        let charged = self.0.charged.swap(actual, Ordering::Relaxed);
        let Inner {
            at, shared, slot, ..
        } = &*self.0;
        shared.settle(*slot, *at, charged, actual);
    }
}
