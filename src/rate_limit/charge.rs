use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Status;
use super::active::Active;
use super::shared::Shared;
use super::store::Slot;
use crate::base::ResponseHead;

/// A call that a limiter let in.
///
/// To drop it changes nothing: what was charged stays charged. Who knows better says so with
/// [`settle`](Self::settle).
#[derive(Debug)]
pub struct Permit(Option<Paid>);

/// What was counted, and where.
#[derive(Debug)]
struct Paid {
    at: u64,
    charged: u64,
    shared: Arc<Shared>,
    slot: Slot,
}

impl Permit {
    pub(super) const fn new(shared: Arc<Shared>, slot: Slot, at: u64, charged: u64) -> Self {
        Self(Some(Paid {
            at,
            charged,
            shared,
            slot,
        }))
    }

    /// Lets a call in without counting it.
    pub(super) const fn uncounted() -> Self {
        Self(None)
    }

    /// What the call was charged; 0 if it was let in without being counted, as in a dry run.
    #[must_use]
    pub fn charged(&self) -> u64 {
        self.0.as_ref().map_or(0, |paid| paid.charged)
    }

    /// Corrects the charge to what the call has `actual`ly cost: the difference is given back, or
    /// charged whatever is left, so that later calls make up for it.
    ///
    /// A limit never has more left than all of it, so what has come back by itself meanwhile is not
    /// given back once more. Nor is anything where a limit is counted at
    /// [several places](super::RateLimiter::with_shards).
    pub fn settle(mut self, actual: u64) {
        if let Some(paid) = &mut self.0 {
            paid.correct(actual);
        }
    }

    /// Corrects the charge by what the policy reads from the response's head.
    pub(super) fn inspect(&mut self, head: ResponseHead<'_>) {
        if let Some(paid) = &mut self.0 {
            let actual = paid.shared.active().policy.usage(head, paid.charged);
            paid.correct(actual);
        }
    }

    /// Hands the charge on, if the policy asks for it.
    pub(super) fn hand_out(&mut self) -> Option<Charge> {
        let wanted = self.policy(|active| active.policy.hands_out_charges());
        let paid = if wanted? { self.0.take() } else { None };
        paid.map(|paid| Charge(Arc::new(Mutex::new(paid))))
    }

    /// How much is left, if the policy tells it to those who are let in.
    pub(super) fn status(&self) -> Option<Status> {
        let paid = self.0.as_ref()?;
        let active = paid.shared.active();
        let told = active.policy.headers().on_all();
        told.then(|| paid.shared.status(&active, paid.slot))
    }

    pub(super) fn policy<T>(&self, f: impl FnOnce(&Active) -> T) -> Option<T> {
        self.0.as_ref().map(|paid| f(&paid.shared.active()))
    }
}

impl Paid {
    fn correct(&mut self, actual: u64) {
        let charged = mem::replace(&mut self.charged, actual);
        self.shared.settle(self.slot, self.at, charged, actual);
    }
}

/// What a request was charged, to be settled by whoever reads the response's body.
///
/// It is in the extensions of the response if the policy
/// [asks for it](super::RateLimitPolicy::with_charge). Clones settle the same charge.
#[derive(Clone, Debug)]
pub struct Charge(Arc<Mutex<Paid>>);

impl Charge {
    /// What the request is charged as of now.
    #[must_use]
    pub fn charged(&self) -> u64 {
        self.paid().charged
    }

    /// Corrects the charge to what the request has `actual`ly cost. Said again, the last holds, so a
    /// stream can be settled as it goes.
    pub fn settle(&self, actual: u64) {
        self.paid().correct(actual);
    }

    fn paid(&self) -> MutexGuard<'_, Paid> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
