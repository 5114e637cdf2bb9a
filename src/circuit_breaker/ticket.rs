use std::time::{Duration, Instant};

use http::HeaderMap;

use super::machine::Admission;
use super::shared::Shared;
use crate::base::spread::Handle;
use crate::base::{clock, gate};
use crate::{Failure, Outcome, Rejection};

/// A call that a circuit breaker let through.
///
/// The head of a response settles it, whatever its caller does with the body: a 500 counts even if
/// nobody reads it. A body that breaks off counts once more. Only a ticket that is dropped before
/// the head was abandoned.
#[must_use = "a ticket that is dropped counts as abandoned"]
#[derive(Debug)]
pub struct Ticket {
    admission: Admission,
    /// `None` if the time that it takes does not matter.
    admitted_at: Option<Instant>,
    /// The head is there, though it said nothing yet.
    latency: Option<Duration>,
    settled: bool,
    shared: Handle<Shared>,
}

impl Ticket {
    /// Lets a call through; `handle` holds on to what is shared, for the ticket.
    #[inline]
    pub(super) fn admit(
        shared: &Shared,
        handle: impl FnOnce() -> Handle<Shared>,
    ) -> Result<Self, Rejection> {
        let (admission, admitted_at) = shared.admit()?;
        Ok(Self {
            admission,
            admitted_at,
            latency: None,
            settled: false,
            shared: handle(),
        })
    }

    /// Reports how the call went; it took from its admission until now.
    pub fn settle(mut self, outcome: Outcome) {
        self.report(outcome);
    }

    /// Reports how the call went, and how long it took where that is known better.
    pub fn settle_after(mut self, outcome: Outcome, latency: Duration) {
        self.latency = Some(latency);
        self.report(outcome);
    }

    /// Returns what an error of the call says, for [`settle`](Self::settle): as the policy's
    /// [`with_recognizer`](super::CircuitBreakerPolicy::with_recognizer) has it, or
    /// [`Outcome::of_error`].
    #[must_use]
    pub fn outcome_of<E: 'static>(&self, error: &E) -> Outcome {
        self.shared.outcome_of(error)
    }

    fn report(&mut self, outcome: Outcome) {
        self.settled = true;
        let (latency, now) = match (self.latency, self.admitted_at) {
            (Some(latency), _) => (latency, None),
            (None, Some(admitted_at)) => {
                let now = clock::now();
                (now.saturating_duration_since(admitted_at), Some(now))
            }
            (None, None) => (Duration::ZERO, None),
        };
        self.shared.settle(self.admission, outcome, latency, now);
    }
}

impl gate::Ticket for Ticket {
    fn head(&mut self, outcome: Outcome) {
        self.report(outcome);
    }

    fn broken(&mut self, failure: Failure) {
        // Its time was counted with the head.
        let outcome = Outcome::Failed(failure);
        self.shared
            .settle(self.admission, outcome, Duration::ZERO, None);
    }

    fn annotate(&mut self, _headers: &mut HeaderMap) {
        // A gRPC stream: its trailers decide, but its head says how fast the upstream is.
        if let (false, Some(admitted_at)) = (self.settled, self.admitted_at) {
            self.latency = Some(clock::now().saturating_duration_since(admitted_at));
        }
    }

    fn recognize<E: 'static>(&self, error: &E) -> Failure {
        self.shared.recognize(error)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.settled {
            self.report(Outcome::of_drop());
        }
    }
}
