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

/// Classifies the result of a call through a circuit breaker.
///
/// Implemented by closures from the result to its [`Outcome`], and by the classification of the policy.
pub trait ClassifyResult<T, E> {
    /// Returns the outcome of the call that `ticket` represents.
    fn classify(self, result: &Result<T, E>, ticket: &CircuitBreakerTicket) -> Outcome;
}

impl<T, E, C: FnOnce(&Result<T, E>) -> Outcome> ClassifyResult<T, E> for C {
    fn classify(self, result: &Result<T, E>, _ticket: &CircuitBreakerTicket) -> Outcome {
        self(result)
    }
}

/// The classification of the policy: `Ok` is a success, and errors are classified by
/// [`with_error_classifier`](super::CircuitBreakerPolicy::with_error_classifier).
#[derive(Clone, Copy, Debug)]
pub struct PolicyClassifier(pub(super) ());

impl<T, E: 'static> ClassifyResult<T, E> for PolicyClassifier {
    fn classify(self, result: &Result<T, E>, ticket: &CircuitBreakerTicket) -> Outcome {
        match result {
            Ok(_) => Outcome::SUCCESS,
            Err(error) => ticket.outcome_of(error),
        }
    }
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
        classifier: Option<C>,
    },
    Rejected(Rejection),
}

impl<F, C> Run<F, C> {
    pub(super) fn new(
        admitted: Result<CircuitBreakerTicket, Rejection>,
        work: impl FnOnce() -> F,
        classifier: C,
    ) -> Self {
        let state = match admitted {
            Ok(ticket) => {
                let mut ticket = Some(ticket);
                // A panic while the future is created is a failure of the call, too.
                let inner = with_panic_guard(&mut ticket, work);
                State::Admitted {
                    inner,
                    ticket,
                    classifier: Some(classifier),
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
    C: ClassifyResult<T, E>,
{
    type Output = Result<T, RunError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Admitted {
                inner,
                ticket,
                classifier,
            } => {
                let result = ready!(with_panic_guard(ticket, || inner.poll(cx)));
                let ticket = ticket.take().expect("not polled after completion");
                let classifier = classifier.take().expect("not polled after completion");
                let outcome = classifier.classify(&result, &ticket);
                // Settled before the caller continues, so that its next call finds the new state.
                ticket.settle(outcome);
                Poll::Ready(result.map_err(RunError::Inner))
            }
            StateProj::Rejected(rejection) => Poll::Ready(Err(RunError::Rejected(*rejection))),
        }
    }
}
