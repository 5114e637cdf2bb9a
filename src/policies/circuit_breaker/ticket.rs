use std::mem;
use std::time::{Duration, Instant};

use http::HeaderMap;

use super::machine::AdmittedBy;
use super::shared::Shared;
use crate::foundation::admission as gate;
use crate::foundation::outcome::{Failure, Outcome, Rejection};
use crate::foundation::sync::sharded_arc::LocalArc;
use crate::foundation::time::clock;

/// A call admitted by a circuit breaker.
///
/// The head of the response settles it, whatever its caller does with the body: a 500 counts even
/// if its body is not read. A body that breaks off counts once more. Only a ticket dropped before
/// the head is abandoned.
#[must_use = "a ticket that is dropped counts as abandoned"]
#[derive(Debug)]
pub struct CircuitBreakerTicket {
    admission: AdmittedBy,
    /// `None` under a policy that counts nothing: there is no state to report to.
    shared: Option<LocalArc<Shared>>,
    stage: Stage,
}

/// Progress of a call.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The head arrived after this many nanoseconds, but carried no status.
    Answered(u64),
    Settled,
    /// In flight since this time.
    Timed(Instant),
    /// In flight; its latency does not matter.
    Untimed,
}

impl CircuitBreakerTicket {
    /// Admits a call; `handle` returns the ticket's reference to the shared state.
    #[inline]
    pub(super) fn admit(
        shared: &Shared,
        handle: impl FnOnce() -> LocalArc<Shared>,
    ) -> Result<Self, Rejection> {
        let summary = shared.summary();
        let (admission, admitted_at) = if summary.admits() {
            (AdmittedBy::by(summary), summary.timed().then(clock::now))
        } else {
            shared.admit()?
        };
        // Only a word that admits is deaf.
        let shared = if summary.ignores_results() {
            None
        } else {
            Some(handle())
        };
        Ok(Self {
            admission,
            shared,
            stage: admitted_at.map_or(Stage::Untimed, Stage::Timed),
        })
    }

    /// Reports the outcome of the call; its latency is the time since its admission.
    pub fn settle(mut self, outcome: Outcome) {
        self.report(outcome);
    }

    /// Reports the outcome of the call, with a latency that the caller has measured.
    pub fn settle_after(mut self, outcome: Outcome, latency: Duration) {
        self.stage = Stage::Answered(clock::nanos(latency));
        self.report(outcome);
    }

    /// Returns the outcome of an error, for [`settle`](Self::settle): by the policy's
    /// [`with_error_classifier`](super::CircuitBreakerPolicy::with_error_classifier) or, without
    /// one or under a policy that counts nothing, by [`Outcome::of_error`].
    #[must_use]
    pub fn outcome_of<E: 'static>(&self, error: &E) -> Outcome {
        match &self.shared {
            Some(shared) => shared.outcome_of(error),
            None => Outcome::of_error(error),
        }
    }

    #[inline]
    fn report(&mut self, outcome: Outcome) {
        // Marked first, so that the drop does not report once more.
        let stage = mem::replace(&mut self.stage, Stage::Settled);
        let Some(shared) = &self.shared else { return };
        let (latency, now) = match stage {
            Stage::Answered(nanos) => (Duration::from_nanos(nanos), None),
            Stage::Timed(admitted_at) => {
                let now = clock::now();
                (now.saturating_duration_since(admitted_at), Some(now))
            }
            // After the head, a body error adds no latency: the head's was counted.
            Stage::Settled | Stage::Untimed => (Duration::ZERO, None),
        };
        shared.settle(self.admission, outcome, latency, now);
    }
}

impl gate::Ticket for CircuitBreakerTicket {
    #[inline]
    fn on_outcome(&mut self, outcome: Outcome) {
        self.report(outcome);
    }

    fn on_body_error(&mut self, failure: Failure) {
        self.report(Outcome::Failed(failure));
    }

    #[inline]
    fn write_headers(&mut self, _headers: &mut HeaderMap) {
        // Still timed here: a gRPC stream. Its trailers carry the outcome, but its latency ends
        // with the head.
        if let Stage::Timed(admitted_at) = self.stage {
            let latency = clock::now().saturating_duration_since(admitted_at);
            self.stage = Stage::Answered(clock::nanos(latency));
        }
    }

    #[inline]
    fn wants_outcome(&self) -> bool {
        self.shared.is_some()
    }

    #[inline]
    fn is_active(&self) -> bool {
        self.shared.is_some()
    }

    fn classify<E: 'static>(&self, error: &E) -> Outcome {
        match &self.shared {
            Some(shared) => shared.classify(error),
            None => Outcome::Failed(Failure::of(error)),
        }
    }
}

impl Drop for CircuitBreakerTicket {
    #[inline]
    fn drop(&mut self) {
        if !matches!(self.stage, Stage::Settled) {
            self.report(Outcome::on_drop());
        }
    }
}
