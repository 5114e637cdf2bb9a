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
use crate::policies::timeout::policy::Extent;
use crate::policies::timeout::policy_snapshot::PolicySnapshot;

/// The limits of one call.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent")]
pub(crate) struct CallLimits {
    snapshot: LocalArc<PolicySnapshot>,
    event_stream: bool,
    grpc: bool,
    /// In the body, the time at which the current silence is too long. Before, the caller's deadline, if the
    /// policy's timeout ends with the head. In one field: all limits are moved with each call and each response.
    idle_at: Option<Instant>,
    /// True if the policy's timeout, not the caller's shorter deadline, is the effective limit.
    own: bool,
    /// True if the budget is over and the frame that was ready at that moment has passed.
    overdue: bool,
    timer: Timer,
    /// True if the connection was upgraded, which ends the idle timeout.
    upgraded: bool,
    budget: Option<TimeBudget>,
}

impl CallLimits {
    pub(in crate::policies::timeout) const fn new(
        window: Option<TimeBudget>,
        callers: Option<Instant>,
        own: bool,
        grpc: bool,
        current: LocalArc<PolicySnapshot>,
    ) -> Self {
        Self {
            snapshot: current,
            event_stream: false,
            grpc,
            idle_at: callers,
            own,
            overdue: false,
            timer: Timer::new(),
            upgraded: false,
            budget: window,
        }
    }

    /// Makes the end of the budget the current deadline.
    #[inline]
    pub(crate) fn enter(&self) -> Option<DeadlineGuard> {
        let from_headers = self.snapshot.policy().outgoing();
        self.budget
            .map(|window| Deadline::at(window.at).enter_told(from_headers))
    }

    /// Returns the start of the call, if the clock was read for it.
    pub(crate) fn begun(&self) -> Option<Instant> {
        self.budget
            .and_then(|window| window.at.checked_sub(window.length))
    }

    /// True if the request's headers tell of the end of the budget as the policy says.
    pub(crate) fn is_in_headers(&self) -> bool {
        self.budget.is_some() && self.snapshot.policy().outgoing()
    }

    /// True if `x-envoy-expected-rq-timeout-ms` has the end of the budget, or an earlier one.
    pub(crate) fn is_in_envoy_headers(&self) -> bool {
        self.is_in_headers() && self.snapshot.policy().envoy_headers()
    }

    /// Returns the response to a call that has timed out, after `drop` has dropped the call: its
    /// resources are free before the caller gets the response.
    #[cold]
    pub(crate) fn time_out(self, drop: impl FnOnce()) -> Response<LocalReplyBody> {
        if self.own {
            cancel_as_timeout(drop);
        } else {
            // The upstream did not have all the time that the policy grants, so this is no timeout
            // of its own.
            drop();
        }
        let rejection = Rejection::TimedOut(self.length());
        self.snapshot.emitter().reject(rejection, self.grpc)
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

    /// Switches from the head to the body; returns true if anything limits the body.
    #[inline]
    pub(crate) fn start_body<R: Body>(&mut self, response: &Response<R>) -> bool {
        self.upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let extent = self.snapshot.policy().extent();
        let callers = self.idle_at.take();
        self.budget = match extent {
            Extent::Head if !self.upgraded => callers.and_then(|at| {
                let length = at.saturating_duration_since(self.begun()?);
                Some(TimeBudget { at, length })
            }),
            Extent::Response if !self.upgraded => self.budget,
            // A per-attempt timeout ends with the head, as in Envoy.
            _ => None,
        };
        if self.grpc {
            // A gateway's page of an error is cut off like any other body.
            self.grpc = grpc::is_grpc(response.headers());
        }
        // What has a length is no stream of events, and the search in its headers would cost 110
        // instructions.
        if self.budget.is_some()
            && extent == Extent::Response
            && response.body().size_hint().exact().is_none()
        {
            let content_type = response.headers().get(header::CONTENT_TYPE);
            self.event_stream = content_type
                .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        }
        // Returned to the pool of this thread: the body may be read on another.
        self.timer = Timer::new();
        self.budget.is_some() || !self.idle().is_zero()
    }

    /// Ends a silence, and returns true if `frame` still passes.
    ///
    /// The frame that is ready when the budget ends does, and so does the end of the body. Further
    /// data does not: otherwise a body that always has data ready, as under a slow reader, would
    /// never be cut off.
    #[inline]
    pub(in crate::policies::timeout) fn admit_frame<E>(
        &mut self,
        frame: Option<&Result<Frame<Bytes>, E>>,
        last: bool,
    ) -> bool {
        // The silence has ended; the next poll without a frame starts another.
        self.idle_at = None;
        let more = matches!(frame, Some(Ok(frame)) if frame.is_data()) && !last;
        let Some(window) = self.budget.filter(|_| more) else {
            return true;
        };
        if self.overdue {
            return false;
        }
        // This frame was ready when the budget ended; the next data frame was not.
        self.overdue = clock::now() >= window.at;
        true
    }

    /// Waits for the first limit to be reached, while no frame is ready.
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

    /// Returns the maximum silence of the body; 0 means no limit.
    fn idle(&self) -> Duration {
        if self.upgraded {
            Duration::ZERO
        } else {
            self.snapshot.policy().idle_timeout()
        }
    }
}
