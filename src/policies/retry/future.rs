use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use tower_service::Service;

use super::budget::InFlightPermit;
use super::retry_state::{AttemptLimit, RetryState, later};
use super::state::{SETTLE, State, StateProj, discard, next_step};
use super::{ReplayBody, RetryBody};
use crate::foundation::deadline::Deadline;
use crate::foundation::events::Emitter;
use crate::foundation::outcome::attempts;
use crate::foundation::outcome::cancellation::cancel_as_timeout;
use crate::foundation::outcome::{Failure, Outcome, Rejection};
use crate::foundation::time::clock;
use crate::foundation::time::clock::LazyNow;
use crate::foundation::time::timer::Timer;

/// Response future of [`Retry`](super::Retry).
#[pin_project]
pub struct RetryFuture<S, B, R>
where
    S: Service<Request<ReplayBody<B>>>,
{
    #[pin]
    state: State<S::Future, R>,
    active: Option<InFlightPermit>,
    #[pin]
    timer: Timer,
    /// True for a gRPC request; used only without a retry state, which knows it otherwise.
    grpc: bool,
    limit: Option<AttemptLimit>,
    /// Emitter for an attempt that timed out.
    emitter: Option<Emitter>,
    /// None if there will be no further attempt.
    retry: Option<RetryState<S, B>>,
}

impl<S, B, R> RetryFuture<S, B, R>
where
    S: Service<Request<ReplayBody<B>>>,
{
    /// Creates the future of a request's first attempt, the only one if there is no `plan`.
    #[inline]
    pub(super) const fn new(
        future: S::Future,
        limit: Option<AttemptLimit>,
        grpc: bool,
        active: Option<InFlightPermit>,
        retry_state: Option<RetryState<S, B>>,
    ) -> Self {
        Self {
            state: State::Calling(future),
            active,
            timer: Timer::new(),
            grpc,
            limit,
            emitter: None,
            retry: retry_state,
        }
    }

    /// Calls `inner`, which was polled ready, for the only attempt of a request.
    ///
    /// A function of its own that has nothing to drop if `inner` panics, as `GatedFuture::called`: the inner future is
    /// made where it will lie.
    pub(super) fn only(inner: &mut S, request: Request<ReplayBody<B>>) -> Self {
        Self::new(inner.call(request), None, false, None, None)
    }

    /// Sets the emitter for an attempt that times out, if one can; a retry state has its own.
    pub(super) fn with_emitter(mut self, emitter: &Emitter) -> Self {
        if self.limit.is_some_and(|limit| limit.is_own()) {
            self.emitter = Some(emitter.clone());
        }
        self
    }
}

type Output<R, E> = Result<Response<RetryBody<R>>, E>;

impl<S, B, R> RetryFuture<S, B, R>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>>,
{
    /// Returns the result of the last attempt.
    #[inline]
    fn finish(
        self: Pin<&mut Self>,
        ended: Poll<Result<Response<R>, S::Error>>,
    ) -> Poll<Output<R, S::Error>> {
        let mut this = self.project();
        if this.retry.is_none() {
            // With a state, that notes it.
            attempts::note(1);
        }
        this.state.set(State::Done);
        *this.retry = None;
        let active = this.active.take();
        ended.map_ok(|response| response.map(|body| RetryBody::upstream(body, active)))
    }

    /// Answers an attempt that timed out.
    #[cold]
    fn time_out(self: Pin<&mut Self>) -> Response<RetryBody<R>>
    where
        B: Body,
    {
        let mut this = self.project();
        this.state.set(State::Done);
        *this.active = None;
        let after = this.limit.map_or(Duration::ZERO, |limit| limit.after);
        let rejection = Rejection::TimedOut(after);
        attempts::note(1);
        let retry_state = this.retry.take();
        let grpc = retry_state.as_ref().map_or(*this.grpc, RetryState::is_grpc);
        let emitter = this.emitter.as_ref();
        let emitter = emitter.or_else(|| Some(retry_state.as_ref()?.emitter()));
        let response = match emitter {
            Some(emitter) => emitter.reject(rejection, grpc),
            None => Emitter::default().local_reply(rejection, grpc),
        };
        response.map(RetryBody::local_reply)
    }
}

impl<S, B, R> Future for RetryFuture<S, B, R>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>>,
    S::Error: 'static,
    B: Body,
    R: Body<Data = Bytes>,
{
    type Output = Output<R, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut this = self.as_mut().project();
            let next = match this.state.as_mut().project() {
                // The inner future is polled before the timer: a response that is ready wins.
                StateProj::Calling(future) => {
                    let polled = {
                        let _guard = this
                            .retry
                            .as_mut()
                            .map(|retry_state| retry_state.attempted.enter());
                        match this.limit {
                            Some(limit) if limit.is_to_begin => limit.begin_with(future, cx),
                            _ => future.poll(cx),
                        }
                    };
                    if let Poll::Ready(ended) = &polled {
                        // Judged where it lies: most answers are the last, and move on once.
                        let retry_state = this.retry.as_mut();
                        match retry_state.and_then(|retry_state| next_step(retry_state, ended)) {
                            Some(resume) => discard(polled, resume),
                            None => return self.finish(polled),
                        }
                    } else {
                        let Some(at) = this.limit.and_then(|limit| limit.at) else {
                            return Poll::Pending;
                        };
                        ready!(this.timer.poll_at(at, cx));
                        let failure = Outcome::Failed(Failure::Timeout);
                        let retry_state = this.retry.as_mut();
                        let resume =
                            retry_state.and_then(|retry_state| retry_state.decide(failure, None));
                        // The try goes first, and those inside hear why.
                        cancel_as_timeout(|| {
                            this.state.set(resume.map_or(State::Done, State::Waiting));
                        });
                        if resume.is_none() {
                            return Poll::Ready(Ok(self.time_out()));
                        }
                        continue;
                    }
                }
                StateProj::Draining {
                    body,
                    until,
                    resume,
                } => {
                    if body.poll_read(cx, || true).is_pending() {
                        ready!(this.timer.poll_at(*until, cx));
                        State::Waiting(*resume)
                    } else {
                        State::Waiting((*resume).max(later(clock::now(), SETTLE)))
                    }
                }
                StateProj::Waiting(resume) => {
                    // The timer counts whole milliseconds, so it would turn a wait of zero into
                    // one.
                    if clock::now() < *resume {
                        ready!(this.timer.poll_at(*resume, cx));
                    }
                    let retry_state = this.retry.as_ref().expect(PLANNED);
                    *this.limit =
                        AttemptLimit::of_attempt(retry_state.policy(), &LazyNow::default());
                    State::Readying
                }
                StateProj::Readying => {
                    let retry_state = this.retry.as_mut().expect(PLANNED);
                    match retry_state.inner.poll_ready(cx) {
                        _ if this.limit.is_some_and(|limit| limit.after.is_zero()) => {
                            return Poll::Ready(Ok(self.time_out()));
                        }
                        Poll::Ready(Ok(())) => {
                            // Computed once more: becoming ready may have taken a part of the time
                            // left.
                            *this.limit =
                                AttemptLimit::of_attempt(retry_state.policy(), &LazyNow::default());
                            let request = retry_state.next_request(this.limit.as_ref());
                            State::Calling(retry_state.call(request))
                        }
                        Poll::Ready(Err(error)) => return self.finish(Poll::Ready(Err(error))),
                        Poll::Pending => {
                            let Some(deadline) = Deadline::current() else {
                                return Poll::Pending;
                            };
                            ready!(this.timer.poll_at(deadline.instant(), cx));
                            return Poll::Ready(Ok(self.time_out()));
                        }
                    }
                }
                StateProj::Done => unreachable!("polled after completion"),
            };
            self.as_mut().project().state.set(next);
        }
    }
}

const PLANNED: &str = "only a request with a plan is tried again";

impl<S, B, R> Debug for RetryFuture<S, B, R>
where
    S: Service<Request<ReplayBody<B>>>,
{
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Calling(_) => "Calling",
            State::Draining { .. } => "Draining",
            State::Waiting(_) => "Waiting",
            State::Readying => "Readying",
            State::Done => "Done",
        };
        f.debug_struct("RetryFuture")
            .field("state", &state)
            .field("armed", &self.retry.is_some())
            .finish_non_exhaustive()
    }
}
