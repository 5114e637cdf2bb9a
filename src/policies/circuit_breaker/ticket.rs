use std::mem;
use std::time::{Duration, Instant};

use http::HeaderMap;

use super::machine::AdmittedBy;
use super::shared::Shared;
use crate::foundation::admission as gate;
use crate::foundation::outcome::{Failure, Outcome, Rejection};
use crate::foundation::sync::sharded_arc::LocalArc;
use crate::foundation::time::clock;

/// A call that a circuit breaker let through.
///
/// The head of a response settles it, whatever its caller does with the body: a 500 counts even if
/// nobody reads it. A body that breaks off counts once more. Only a ticket that is dropped before
/// the head was abandoned.
#[must_use = "a ticket that is dropped counts as abandoned"]
#[derive(Debug)]
pub struct CircuitBreakerTicket {
    admission: AdmittedBy,
    /// `None` where nothing is counted: there is nobody to tell how it went.
    shared: Option<LocalArc<Shared>>,
    stage: Stage,
}

/// How far a call is, as the circuit breaker sees it.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Its head said nothing yet, but came after so many nanoseconds.
    Answered(u64),
    Settled,
    /// It is under way since then.
    Timed(Instant),
    /// It is under way, and the time that it takes does not matter.
    Untimed,
}

impl CircuitBreakerTicket {
    /// Lets a call through; `handle` holds on to what is shared, for the ticket.
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

    /// Reports how the call went; it took from its admission until now.
    pub fn settle(mut self, outcome: Outcome) {
        self.report(outcome);
    }

    /// Reports how the call went, and how long it took where that is known better.
    pub fn settle_after(mut self, outcome: Outcome, latency: Duration) {
        self.stage = Stage::Answered(clock::nanos(latency));
        self.report(outcome);
    }

    /// Returns what an error of the call says, for [`settle`](Self::settle): as the policy's
    /// [`with_error_classifier`](super::CircuitBreakerPolicy::with_error_classifier) has it, or, where it has
    /// nothing of its own or nothing is counted, [`Outcome::of_error`].
    #[must_use]
    pub fn outcome_of<E: 'static>(&self, error: &E) -> Outcome {
        match &self.shared {
            Some(shared) => shared.outcome_of(error),
            None => Outcome::of_error(error),
        }
    }

    #[inline]
    fn report(&mut self, outcome: Outcome) {
        let stage = mem::replace(&mut self.stage, Stage::Settled);
        let Some(shared) = &self.shared else { return };
        let (latency, now) = match stage {
            Stage::Answered(nanos) => (Duration::from_nanos(nanos), None),
            Stage::Timed(admitted_at) => {
                let now = clock::now();
                (now.saturating_duration_since(admitted_at), Some(now))
            }
            // Where it is settled already, its time was counted with the head.
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
        // A gRPC stream: its trailers decide, but its head says how fast the upstream is.
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

    fn classify<E: 'static>(&self, error: &E) -> Failure {
        match &self.shared {
            Some(shared) => shared.classify(error),
            None => Failure::of(error),
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
