use std::mem;
use std::time::{Duration, Instant};

use http::StatusCode;

use super::machine::Sample;
use super::shared::Shared;
use crate::foundation::admission::{ResponseHead, Ticket};
use crate::foundation::http::GrpcStatus;
use crate::foundation::outcome::Rejection;
use crate::foundation::outcome::{Failure, Outcome};
use crate::foundation::sync::sharded_arc::LocalArc;
use crate::foundation::time::clock;

/// A request in flight; dropping it releases its permit.
///
/// Its latency is the time to the head of the response. One that is dropped without an outcome was cancelled, and is no
/// sample.
#[derive(Debug)]
#[must_use = "dropping a ticket releases its permit"]
pub struct AdaptiveConcurrencyTicket(Option<Running>);

#[derive(Debug)]
struct Running {
    latency: Option<Duration>,
    settled: bool,
    shared: LocalArc<Shared>,
    started: Instant,
}

impl AdaptiveConcurrencyTicket {
    /// Admits a request; `handle` returns the ticket's reference to the shared state.
    #[inline]
    pub(super) fn admit(
        shared: &Shared,
        handle: impl FnOnce() -> LocalArc<Shared>,
    ) -> Result<Self, Rejection> {
        if shared.is_off() {
            return Ok(Self::unlimited());
        }
        shared.enter()?;
        Ok(Self(Some(Running {
            latency: None,
            settled: false,
            shared: handle(),
            started: clock::now(),
        })))
    }

    /// Creates the ticket of a request that is neither limited nor a sample.
    pub(super) const fn unlimited() -> Self {
        Self(None)
    }

    /// Reports the outcome of the work, and releases the permit; the latency is the time since its admission.
    pub fn settle(mut self, outcome: Outcome) {
        self.on_outcome(outcome);
    }
}

impl Ticket for AdaptiveConcurrencyTicket {
    fn on_outcome(&mut self, outcome: Outcome) {
        let Some(running) = &mut self.0 else { return };
        if mem::replace(&mut running.settled, true) {
            return;
        }
        let latency = running.latency();
        if let Some(sample) = sample(outcome, running.started, latency) {
            running.shared.record(sample);
        }
    }

    fn on_body_error(&mut self, _failure: Failure) {}

    fn on_response(&mut self, _head: ResponseHead<'_>) {
        // The status of a gRPC response comes with its trailers; its latency ends here.
        if let Some(running) = &mut self.0 {
            running.latency = Some(running.latency());
        }
    }

    #[inline]
    fn wants_outcome(&self) -> bool {
        self.0.is_some()
    }

    #[inline]
    fn is_active(&self) -> bool {
        self.0.is_some()
    }
}

impl Running {
    fn latency(&self) -> Duration {
        self.latency
            .unwrap_or_else(|| clock::now().saturating_duration_since(self.started))
    }
}

impl Drop for Running {
    #[inline]
    fn drop(&mut self) {
        self.shared.leave();
    }
}

/// Returns the sample of an outcome; none if it says nothing about the load of the upstream.
fn sample(outcome: Outcome, started: Instant, latency: Duration) -> Option<Sample> {
    let taken = |latency, overload| {
        Some(Sample {
            latency,
            overload,
            started,
        })
    };
    match outcome {
        // It took at least this long.
        Outcome::Failed(Failure::Timeout) | Outcome::Grpc(GrpcStatus::DEADLINE_EXCEEDED) => {
            taken(Some(latency), true)
        }
        Outcome::Status(StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
        | Outcome::Grpc(GrpcStatus::RESOURCE_EXHAUSTED | GrpcStatus::UNAVAILABLE) => {
            taken(None, true)
        }
        // A failure is often faster than the work would be, and would pass for a low latency.
        Outcome::Abandoned | Outcome::Failed(_) | Outcome::Rejected => None,
        Outcome::Status(status) => {
            (!status.is_server_error()).then(|| taken(Some(latency), false))?
        }
        Outcome::Grpc(status) => (status == GrpcStatus::OK).then(|| taken(Some(latency), false))?,
    }
}
