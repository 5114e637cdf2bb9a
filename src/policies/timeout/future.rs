use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use pin_project::pin_project;

use super::TimeoutBody;
use super::body::limits::CallLimits;
use crate::foundation::outcome::LocalReplyBody;

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
        /// `None` if nothing limits the call.
        limits: Option<CallLimits>,
    },
    // Boxed: rare, and a local reply allocates its headers anyway.
    Rejected(Option<Box<Response<LocalReplyBody>>>),
}

impl<F> TimeoutFuture<F> {
    #[inline]
    pub(super) const fn calling(inner: F, limits: Option<CallLimits>) -> Self {
        Self {
            state: State::Calling { inner, limits },
        }
    }

    pub(super) const fn rejected(response: Box<Response<LocalReplyBody>>) -> Self {
        Self {
            state: State::Rejected(Some(response)),
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
                return Poll::Ready(Ok(response.map(TimeoutBody::local_reply)));
            }
            StateProj::Calling { inner, limits } => {
                let polled = {
                    let _guard = limits.as_ref().and_then(CallLimits::enter);
                    inner.poll(cx)
                };
                // A response that is ready wins over the timer.
                if let Poll::Ready(result) = polled {
                    return Poll::Ready(result.map(|r| TimeoutBody::upstream(r, limits)));
                }
                let Some(waiting) = limits else {
                    return Poll::Pending;
                };
                ready!(waiting.poll_budget(cx));
                limits.take().expect("was `Some` in this poll")
            }
        };
        let state = &mut self.project().state;
        let response = limits.time_out(|| state.set(State::Rejected(None)));
        Poll::Ready(Ok(response.map(TimeoutBody::local_reply)))
    }
}
