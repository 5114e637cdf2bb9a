use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body::Frame;

use super::Elapsed;
use super::machine::Window;
use super::service::Shared;
use crate::base::cut::cut_off;
use crate::base::timer::Timer;
use crate::base::{Answer, DeadlineGuard, clock};
use crate::{Deadline, Rejection};

/// The limits of one call.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Limits {
    event_stream: bool,
    grpc: bool,
    head_only: bool,
    idle: Duration,
    /// When the present silence has lasted too long.
    idle_at: Option<Instant>,
    /// The policy's time is what holds, not that of a caller who is in a hurry.
    own: bool,
    /// The window is over; what was there at that moment has gone through.
    overdue: bool,
    shared: Arc<Shared>,
    /// The request's headers tell the end of the window, or an earlier one.
    pub(super) told: bool,
    window: Option<Window>,
}

impl Limits {
    pub(super) const fn new(
        window: Option<Window>,
        idle: Duration,
        head_only: bool,
        own: bool,
        grpc: bool,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            event_stream: false,
            grpc,
            head_only,
            idle,
            idle_at: None,
            own,
            overdue: false,
            shared,
            told: false,
            window,
        }
    }

    /// Makes the end of the window the current deadline.
    pub(crate) fn enter(&self) -> Option<DeadlineGuard> {
        self.window.map(|window| Deadline::at(window.at).enter())
    }

    /// When the call began, as far as anybody has to know.
    pub(crate) fn begun(&self) -> Option<Instant> {
        self.window
            .and_then(|window| window.at.checked_sub(window.length))
    }

    /// Says whether the request's headers tell the end of the window, or an earlier one.
    pub(crate) const fn is_told(&self) -> bool {
        self.told
    }

    /// When the call has lasted too long; none if that never is.
    pub(crate) fn ends(&self) -> Option<Instant> {
        self.window.map(|window| window.at)
    }

    /// Answers for a call that has lasted too long, once `drop` has let go of it: what it holds is free
    /// before the caller hears of it.
    #[cold]
    pub(crate) fn time_out(self, drop: impl FnOnce()) -> Response<Answer> {
        if self.own {
            cut_off(drop);
        } else {
            // The upstream did not have all the time that the policy gives it.
            drop();
        }
        let rejection = Rejection::TimedOut(self.length());
        self.shared.rejected(rejection);
        rejection.into_response(self.grpc)
    }

    pub(super) fn length(&self) -> Duration {
        self.window.map_or(Duration::ZERO, |window| window.length)
    }

    pub(super) fn cut(&self, elapsed: Elapsed) {
        self.shared.cut(elapsed, self.event_stream);
    }

    /// Goes over from the head to the body; none if nothing limits that.
    pub(crate) fn body_of<R>(mut self, response: &Response<R>) -> Option<Self> {
        let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if upgraded || self.head_only {
            self.window = None;
        }
        if upgraded {
            self.idle = Duration::ZERO;
        }
        if self.window.is_some() {
            let content_type = response.headers().get(header::CONTENT_TYPE);
            self.event_stream = content_type
                .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        }
        (self.window.is_some() || !self.idle.is_zero()).then_some(self)
    }

    /// Ends a silence, and says whether `frame` still goes through.
    ///
    /// The frame that is there when the time is over does, and so does the end. More data does not: a
    /// body that always has some would never be cut, as when its reader is slow.
    pub(super) fn passes<E>(
        &mut self,
        frame: Option<&Result<Frame<Bytes>, E>>,
        last: bool,
    ) -> bool {
        self.idle_at = None;
        let more = matches!(frame, Some(Ok(frame)) if frame.is_data()) && !last;
        let Some(window) = self.window.filter(|_| more) else {
            return true;
        };
        if self.overdue {
            return false;
        }
        self.overdue = clock::now() >= window.at;
        true
    }

    /// Waits until one of the limits is reached, while the body has nothing to say.
    pub(super) fn poll_elapsed(
        &mut self,
        timer: Pin<&mut Timer>,
        cx: &mut Context<'_>,
    ) -> Poll<Elapsed> {
        if !self.idle.is_zero() && self.idle_at.is_none() {
            self.idle_at = clock::now().checked_add(self.idle);
        }
        let total = self
            .window
            .map(|window| (window.at, Elapsed::Total(window.length)));
        let idle = self.idle_at.map(|at| (at, Elapsed::Idle(self.idle)));
        let Some((at, elapsed)) = [total, idle].into_iter().flatten().min_by_key(|e| e.0) else {
            return Poll::Pending;
        };
        ready!(timer.poll_at(at, cx));
        Poll::Ready(elapsed)
    }
}
