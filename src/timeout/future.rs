use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use pin_project::pin_project;

use super::TimeoutBody;
use super::limits::Limits;
use crate::Rejection;
use crate::base::Answer;
use crate::base::cut::cut_off;

/// Response future of [`Timeout`](super::Timeout).
#[pin_project]
#[derive(Debug)]
pub struct TimeoutFuture<F> {
    #[pin]
    state: State<F>,
}

#[pin_project(project = StateProj)]
#[derive(Debug)]
enum State<F> {
    Calling {
        #[pin]
        inner: F,
        /// None if nothing limits the call.
        limits: Option<Limits>,
    },
    // Boxed: an answer of our own allocates its headers anyway.
    Rejected(Option<Box<Response<Answer>>>),
}

impl<F> TimeoutFuture<F> {
    #[inline]
    pub(super) const fn calling(inner: F, limits: Option<Limits>) -> Self {
        Self {
            state: State::Calling { inner, limits },
        }
    }

    pub(super) fn rejected(response: Response<Answer>) -> Self {
        Self {
            state: State::Rejected(Some(Box::new(response))),
        }
    }
}

impl<F, R, E> Future for TimeoutFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<TimeoutBody<R>>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let limits = match self.as_mut().project().state.project() {
            StateProj::Rejected(response) => {
                let response = response.take().expect("not polled after completion");
                return Poll::Ready(Ok(response.map(TimeoutBody::answer)));
            }
            StateProj::Calling { inner, limits } => {
                let polled = {
                    let _guard = limits.as_ref().and_then(Limits::enter);
                    inner.poll(cx)
                };
                // An answer that is there wins over the timer.
                if let Poll::Ready(result) = polled {
                    return Poll::Ready(result.map(|r| TimeoutBody::upstream(r, limits)));
                }
                let Some(waiting) = limits else {
                    return Poll::Pending;
                };
                ready!(waiting.poll_window(cx));
                limits.take().expect("there a moment ago")
            }
        };
        // Drops the inner call first: what it holds is free before the caller hears of it.
        let state = &mut self.project().state;
        if limits.is_own() {
            cut_off(|| state.set(State::Rejected(None)));
        } else {
            state.set(State::Rejected(None));
        }
        let rejection = Rejection::TimedOut(limits.length());
        limits.rejected(rejection);
        let response = rejection.into_response(limits.is_grpc());
        Poll::Ready(Ok(response.map(TimeoutBody::answer)))
    }
}
