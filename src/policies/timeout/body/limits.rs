use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body::{Body, Frame};

use crate::foundation::deadline::Deadline;
use crate::foundation::deadline::DeadlineGuard;
use crate::foundation::http::grpc;
use crate::foundation::outcome::LocalReplyBody;
use crate::foundation::outcome::Rejection;
use crate::foundation::outcome::cancellation::cancel_as_timeout;
use crate::foundation::sync::sharded_arc::LocalArc;
use crate::foundation::time::clock;
use crate::foundation::time::timer::Timer;
use crate::policies::timeout::Elapsed;
use crate::policies::timeout::machine::TimeBudget;
use crate::policies::timeout::policy_snapshot::PolicySnapshot;

/// The limits of one call.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct CallLimits {
    snapshot: LocalArc<PolicySnapshot>,
    event_stream: bool,
    grpc: bool,
    /// When the present silence has lasted too long.
    idle_at: Option<Instant>,
    /// The policy's time is what holds, not that of a caller who is in a hurry.
    own: bool,
    /// The window is over; what was there at that moment has gone through.
    overdue: bool,
    timer: Timer,
    /// The connection is the caller's now, and no silence is too long.
    upgraded: bool,
    budget: Option<TimeBudget>,
}

impl CallLimits {
    pub(in crate::policies::timeout) const fn new(
        window: Option<TimeBudget>,
        own: bool,
        grpc: bool,
        current: LocalArc<PolicySnapshot>,
    ) -> Self {
        Self {
            snapshot: current,
            event_stream: false,
            grpc,
            idle_at: None,
            own,
            overdue: false,
            timer: Timer::new(),
            upgraded: false,
            budget: window,
        }
    }

    /// Makes the end of the window the current deadline.
    #[inline]
    pub(crate) fn enter(&self) -> Option<DeadlineGuard> {
        let from_headers = self.snapshot.policy().outgoing();
        self.budget
            .map(|window| Deadline::at(window.at).enter_told(from_headers))
    }

    /// When the call began, as far as anybody has to know.
    pub(crate) fn begun(&self) -> Option<Instant> {
        self.budget
            .and_then(|window| window.at.checked_sub(window.length))
    }

    /// Says whether the request's headers tell the end of the window, or an earlier one.
    pub(crate) fn is_in_headers(&self) -> bool {
        self.budget.is_some() && self.snapshot.policy().outgoing()
    }

    /// Answers for a call that has lasted too long, once `drop` has let go of it: what it holds is free
    /// before the caller hears of it.
    #[cold]
    pub(crate) fn time_out(self, drop: impl FnOnce()) -> Response<LocalReplyBody> {
        if self.own {
            cancel_as_timeout(drop);
        } else {
            // The upstream did not have all the time that the policy gives it.
            drop();
        }
        let rejection = Rejection::TimedOut(self.length());
        self.snapshot.rejected(rejection);
        rejection.into_response(self.grpc)
    }

    pub(in crate::policies::timeout) fn length(&self) -> Duration {
        self.budget.map_or(Duration::ZERO, |window| window.length)
    }

    pub(in crate::policies::timeout) fn report_cut_off(&self, elapsed: Elapsed) {
        self.snapshot.report_cut_off(elapsed, self.event_stream);
    }

    /// Waits until the window is over, while the head of the response is not there.
    /// Says whether a gRPC response is being read, which can end with a status.
    pub(in crate::policies::timeout) const fn is_grpc(&self) -> bool {
        self.grpc
    }

    pub(crate) fn poll_budget(&mut self, cx: &Context<'_>) -> Poll<()> {
        match self.budget {
            Some(window) => Pin::new(&mut self.timer).poll_at(window.at, cx),
            None => Poll::Pending,
        }
    }

    /// Goes over from the head to the body, and says whether anything limits that.
    #[inline]
    pub(crate) fn start_body<R: Body>(&mut self, response: &Response<R>) -> bool {
        self.upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if self.upgraded || self.snapshot.policy().head_only() {
            self.budget = None;
        }
        if self.grpc {
            // A gateway's page of an error is cut off like any other body.
            self.grpc = grpc::is_grpc(response.headers());
        }
        // What has a length is no stream of events, and the search in its headers would cost 110
        // instructions.
        if self.budget.is_some() && response.body().size_hint().exact().is_none() {
            let content_type = response.headers().get(header::CONTENT_TYPE);
            self.event_stream = content_type
                .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        }
        // Back to its thread: the one who reads the body may be another.
        self.timer = Timer::new();
        self.budget.is_some() || !self.idle().is_zero()
    }

    /// Ends a silence, and says whether `frame` still goes through.
    ///
    /// The frame that is there when the time is over does, and so does the end. More data does not: a
    /// body that always has some would never be cut, as when its reader is slow.
    #[inline]
    pub(in crate::policies::timeout) fn admit_frame<E>(
        &mut self,
        frame: Option<&Result<Frame<Bytes>, E>>,
        last: bool,
    ) -> bool {
        self.idle_at = None;
        let more = matches!(frame, Some(Ok(frame)) if frame.is_data()) && !last;
        let Some(window) = self.budget.filter(|_| more) else {
            return true;
        };
        if self.overdue {
            return false;
        }
        self.overdue = clock::now() >= window.at;
        true
    }

    /// Waits until one of the limits is reached, while the body has nothing to say.
    pub(in crate::policies::timeout) fn poll_elapsed(&mut self, cx: &Context<'_>) -> Poll<Elapsed> {
        let idle = self.idle();
        if !idle.is_zero() && self.idle_at.is_none() {
            self.idle_at = clock::reached_after(clock::now(), idle);
        }
        let total = self
            .budget
            .map(|window| (window.at, Elapsed::Total(window.length)));
        let idle = self.idle_at.map(|at| (at, Elapsed::Idle(idle)));
        let Some((at, elapsed)) = [total, idle].into_iter().flatten().min_by_key(|e| e.0) else {
            return Poll::Pending;
        };
        ready!(Pin::new(&mut self.timer).poll_at(at, cx));
        Poll::Ready(elapsed)
    }

    /// Returns how long the body may stay silent; 0 is any time.
    fn idle(&self) -> Duration {
        if self.upgraded {
            Duration::ZERO
        } else {
            self.snapshot.policy().idle_timeout()
        }
    }
}
