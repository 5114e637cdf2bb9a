use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;

use super::CircuitBreakerTicket;
use crate::foundation::admission::with_panic_guard;
use crate::foundation::outcome::{Outcome, Rejection};

/// The error of a call through [`run`](super::CircuitBreakerLayer::run).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RunError<E> {
    /// The call was made, and failed.
    #[error("the call failed")]
    Inner(#[source] E),
    /// The circuit is open: the call was not made.
    #[error("the call was not made")]
    Rejected(#[from] Rejection),
}

/// Future of [`run`](super::CircuitBreakerLayer::run) and
/// [`run_with`](super::CircuitBreakerLayer::run_with).
#[pin_project]
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Run<F, C> {
    #[pin]
    state: State<F, C>,
}

#[pin_project(project = StateProj)]
#[derive(Debug)]
enum State<F, C> {
    Admitted {
        // Declared before its ticket, so that it is dropped first.
        #[pin]
        inner: F,
        ticket: Option<CircuitBreakerTicket>,
        outcome: Option<C>,
    },
    Rejected(Rejection),
}

impl<F, C> Run<F, C> {
    pub(super) fn new(
        admitted: Result<CircuitBreakerTicket, Rejection>,
        work: impl FnOnce() -> F,
        outcome: C,
    ) -> Self {
        let state = match admitted {
            Ok(ticket) => {
                let mut ticket = Some(ticket);
                // A panic while the future is created is a failure of the call, too.
                let inner = with_panic_guard(&mut ticket, work);
                State::Admitted {
                    inner,
                    ticket,
                    outcome: Some(outcome),
                }
            }
            Err(rejection) => State::Rejected(rejection),
        };
        Self { state }
    }
}

impl<F, C, T, E> Future for Run<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: FnOnce(&T) -> Outcome,
    E: 'static,
{
    type Output = Result<T, RunError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Admitted {
                inner,
                ticket,
                outcome,
            } => {
                let result = ready!(with_panic_guard(ticket, || inner.poll(cx)));
                let ticket = ticket.take().expect("not polled after completion");
                let outcome = match &result {
                    Ok(value) => outcome.take().map_or(Outcome::SUCCESS, |of| of(value)),
                    Err(error) => ticket.outcome_of(error),
                };
                // Settled before the caller continues, so that its next call finds the new state.
                ticket.settle(outcome);
                Poll::Ready(result.map_err(RunError::Inner))
            }
            StateProj::Rejected(rejection) => Poll::Ready(Err(RunError::Rejected(*rejection))),
        }
    }
}
