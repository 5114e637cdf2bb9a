use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Status;
use super::shared::Shared;
use super::state::policy_snapshot::PolicySnapshot;
use super::state::store::KeyHash;
use crate::foundation::http::ResponseHead;

/// A call that a limiter let in.
///
/// To drop it changes nothing: what was charged stays charged. Who knows better says so with
/// [`settle`](Self::settle).
#[derive(Debug)]
pub struct RateLimitPermit(Option<ChargeRecord>);

/// What was counted, and where.
#[derive(Debug)]
struct ChargeRecord {
    at: u64,
    charged: u64,
    shared: Arc<Shared>,
    key: KeyHash,
}

impl RateLimitPermit {
    pub(super) const fn new(shared: Arc<Shared>, key_hash: KeyHash, at: u64, charged: u64) -> Self {
        Self(Some(ChargeRecord {
            at,
            charged,
            shared,
            key: key_hash,
        }))
    }

    /// Lets a call in without counting it.
    pub(super) const fn uncounted() -> Self {
        Self(None)
    }

    /// What the call was charged; 0 if it was let in without being counted, as in a dry run.
    #[must_use]
    pub fn charged(&self) -> u64 {
        self.0.as_ref().map_or(0, |record| record.charged)
    }

    /// Corrects the charge to what the call has `actual`ly cost: the difference is given back, or
    /// charged whatever is left, so that later calls make up for it.
    ///
    /// A limit never has more left than all of it, so what has come back by itself meanwhile is not
    /// given back once more. Nor is anything where a limit is counted at
    /// [several places](super::RateLimiter::with_shards).
    pub fn settle(mut self, actual: u64) {
        if let Some(record) = &mut self.0 {
            record.correct(actual);
        }
    }

    /// Corrects the charge by what the policy reads from the response's head.
    pub(super) fn on_response(&mut self, head: ResponseHead<'_>) {
        if let Some(record) = &mut self.0 {
            let actual = record.shared.snapshot().policy.usage(head, record.charged);
            record.correct(actual);
        }
    }

    /// Hands the charge on, if the policy asks for it.
    pub(super) fn hand_out(&mut self) -> Option<Charge> {
        let wanted = self.policy(|active| active.policy.hands_out_charges());
        let record = if wanted? { self.0.take() } else { None };
        record.map(|record| Charge(Arc::new(Mutex::new(record))))
    }

    /// How much is left, if the policy tells it to those who are let in.
    pub(super) fn status(&self) -> Option<Status> {
        let record = self.0.as_ref()?;
        let active = record.shared.snapshot();
        let told = active.policy.headers().on_all();
        told.then(|| record.shared.status(&active, record.key))
    }

    pub(super) fn policy<T>(&self, f: impl FnOnce(&PolicySnapshot) -> T) -> Option<T> {
        self.0.as_ref().map(|record| f(&record.shared.snapshot()))
    }
}

impl ChargeRecord {
    fn correct(&mut self, actual: u64) {
        let charged = mem::replace(&mut self.charged, actual);
        self.shared.settle(self.key, self.at, charged, actual);
    }
}

/// What a request was charged, to be settled by whoever reads the response's body.
///
/// It is in the extensions of the response if the policy
/// [asks for it](super::RateLimitPolicy::with_charge). Clones settle the same charge.
#[derive(Clone, Debug)]
pub struct Charge(Arc<Mutex<ChargeRecord>>);

impl Charge {
    /// What the request is charged as of now.
    #[must_use]
    pub fn charged(&self) -> u64 {
        self.record().charged
    }

    /// Corrects the charge to what the request has `actual`ly cost. Said again, the last holds, so a
    /// stream can be settled as it goes.
    pub fn settle(&self, actual: u64) {
        self.record().correct(actual);
    }

    fn record(&self) -> MutexGuard<'_, ChargeRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
