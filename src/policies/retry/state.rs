use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use pin_project::pin_project;

use super::retry_state::{RetryState, later};
use crate::foundation::body::drain::Drain;
use crate::foundation::deadline::Deadline;
use crate::foundation::outcome::Outcome;
use crate::foundation::time::clock;

/// Phase of a request.
#[pin_project(project = StateProj)]
pub(super) enum State<F, R> {
    /// An attempt is in progress.
    Calling(#[pin] F),
    /// Reads the discarded response, so that its connection can be reused.
    Draining {
        #[pin]
        body: Drain<R>,
        until: Instant,
        resume: Instant,
    },
    /// Waits until the next attempt may begin.
    Waiting(Instant),
    /// Waits for the inner service to become ready.
    Readying,
    Done,
}

/// Time in which an HTTP client returns a connection to its pool after its response was read.
pub(super) const SETTLE: Duration = Duration::from_millis(1);
/// Limit on the time for the rest of a response, unless the wait for the next attempt is longer.
const DRAIN: Duration = Duration::from_millis(50);

/// Decides about a retry after an attempt that ended; returns the time at which it begins.
pub(super) fn next_step<S, B, R, E>(
    retry_state: &mut RetryState<S, B>,
    ended: &Result<Response<R>, E>,
) -> Option<Instant>
where
    B: Body,
    E: 'static,
{
    match ended {
        Ok(response) => {
            if retry_state.policy().retry_on().passes(response) {
                retry_state.committed();
                return None;
            }
            let Some(outcome) = Outcome::of_response(response) else {
                // A gRPC response whose head does not say is final: its messages are on their way.
                retry_state.committed();
                return None;
            };
            retry_state.decide(outcome, Some(response.headers()))
        }
        Err(error) => {
            let outcome = retry_state.policy().error_classifier().attempt(error);
            retry_state.decide(outcome, None)
        }
    }
}

/// Discards an attempt that is followed by another.
#[cold]
pub(super) fn discard<F, R, E>(ended: Poll<Result<Response<R>, E>>, resume: Instant) -> State<F, R>
where
    R: Body<Data = Bytes>,
{
    match ended {
        Poll::Ready(Ok(response)) => drain(response.into_body(), resume),
        _ => State::Waiting(resume),
    }
}

fn drain<F, R: Body<Data = Bytes>>(body: R, resume: Instant) -> State<F, R> {
    let now = clock::now();
    let resume = resume.max(later(now, SETTLE));
    let body = Drain::new(body);
    if !body.is_worthwhile() {
        return State::Waiting(resume);
    }
    // Half of the time left at most: the next attempt needs the other half.
    let left = Deadline::current().map(|deadline| deadline.remaining_at(now) / 2);
    let time = left.map_or(DRAIN, |left| left.min(DRAIN));
    State::Draining {
        body,
        until: resume.max(later(now, time)),
        resume,
    }
}
