use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use pin_project::pin_project;

use super::drain::{self, Drain};
use super::plan::{Plan, later};
use crate::Outcome;
use crate::base::clock;

/// What a request is doing.
#[pin_project(project = StateProj)]
pub(super) enum State<F, R> {
    /// A try is under way.
    Calling(#[pin] F),
    /// Reads the response that is thrown away, so that its connection can be used again.
    Draining {
        #[pin]
        body: Drain<R>,
        until: Instant,
        resume: Instant,
    },
    /// Waits for the next try.
    Waiting(Instant),
    /// Waits for the service to take it.
    Readying,
    Done,
}

/// What a client takes to put a connection whose response was read back into its pool.
pub(super) const SETTLE: Duration = Duration::from_millis(1);

/// Decides what follows a try that ended: another state, or the end.
pub(super) fn judge<S, B, F, R, E>(
    plan: &mut Option<Box<Plan<S, B>>>,
    ended: Result<Response<R>, E>,
) -> Result<State<F, R>, Result<Response<R>, E>>
where
    B: Body,
    R: Body<Data = Bytes>,
    E: 'static,
{
    let Some(plan) = plan else {
        return Err(ended);
    };
    match ended {
        Ok(response) => {
            let Some(outcome) = Outcome::of_response(&response) else {
                // A gRPC response whose head does not say is final: its messages are on their way.
                plan.committed();
                return Err(Ok(response));
            };
            match plan.judge(outcome, Some(response.headers())) {
                Some(resume) => Ok(discard(response.into_body(), resume)),
                None => Err(Ok(response)),
            }
        }
        Err(error) => {
            let failure = plan.policy.recognizer().failure(&error);
            match plan.judge(Outcome::Failed(failure), None) {
                Some(resume) => Ok(State::Waiting(resume)),
                None => Err(Err(error)),
            }
        }
    }
}

fn discard<F, R: Body<Data = Bytes>>(body: R, resume: Instant) -> State<F, R> {
    let now = clock::now();
    let resume = resume.max(later(now, SETTLE));
    match Drain::new(body) {
        Some(body) => State::Draining {
            body,
            until: resume.max(later(now, drain::TIME)),
            resume,
        },
        None => State::Waiting(resume),
    }
}
