use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Status;
use super::shared::Shared;
use super::state::policy_snapshot::PolicySnapshot;
use super::state::store::KeyHash;
use crate::foundation::http::ResponseHead;

/// A call that a limiter admitted.
///
/// Dropping it changes nothing: what was charged stays charged. [`settle`](Self::settle) corrects
/// the charge once the actual cost is known.
#[derive(Debug)]
pub struct RateLimitPermit(Option<ChargeRecord>);

/// The charge of a call: amount, time and key.
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

    /// Creates the permit of an admitted call that was not counted.
    pub(super) const fn uncounted() -> Self {
        Self(None)
    }

    /// Returns the charge of the call; 0 if it was not counted, as in a dry run.
    #[must_use]
    pub fn charged(&self) -> u64 {
        self.0.as_ref().map_or(0, |record| record.charged)
    }

    /// Corrects the charge to the call's `actual` cost: the difference is refunded, or charged even
    /// beyond the limit, so that later calls wait for it.
    ///
    /// Never more than the whole limit is available, so an amount that has expired or been refilled
    /// meanwhile is not refunded once more. A limit counted in [several
    /// shards](super::RateLimiter::with_shards) refunds nothing.
    pub fn settle(mut self, actual: u64) {
        if let Some(record) = &mut self.0 {
            record.correct(actual);
        }
    }

    /// Corrects the charge by the usage that the policy reads from the response's head.
    pub(super) fn on_response(&mut self, head: ResponseHead<'_>) {
        if let Some(record) = &mut self.0 {
            let actual = record.shared.snapshot().policy.usage(head, record.charged);
            record.correct(actual);
        }
    }

    /// Returns the charge for the response's extensions, if the policy sets it there.
    pub(super) fn hand_out(&mut self) -> Option<Charge> {
        let wanted = self.policy(|active| active.policy.hands_out_charges());
        let record = if wanted? { self.0.take() } else { None };
        record.map(|record| Charge(Arc::new(Mutex::new(record))))
    }

    /// Returns the status of the limit, if the policy reports it on admitted requests.
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
        // The difference to the last correction is settled, so corrections can be repeated.
        let charged = mem::replace(&mut self.charged, actual);
        self.shared.settle(self.key, self.at, charged, actual);
    }
}

/// The charge of a request, to be settled by the reader of the response's body.
///
/// It is in the extensions of the response if the policy [enables
/// it](super::RateLimitPolicy::with_charge). Clones settle the same charge.
#[derive(Clone, Debug)]
pub struct Charge(Arc<Mutex<ChargeRecord>>);

impl Charge {
    /// Returns the current charge of the request.
    #[must_use]
    pub fn charged(&self) -> u64 {
        self.record().charged
    }

    /// Corrects the charge to the request's `actual` cost. The last call is effective, so a stream
    /// can be settled repeatedly as it is read.
    pub fn settle(&self, actual: u64) {
        self.record().correct(actual);
    }

    fn record(&self) -> MutexGuard<'_, ChargeRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
