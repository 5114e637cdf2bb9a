use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::Elapsed;
use super::machine::Window;
use super::service::Shared;
use crate::base::timer::Timer;
use crate::base::{Answer, DeadlineGuard, clock};
use crate::{Deadline, Rejection};

type BoxError = Box<dyn Error + Send + Sync>;

/// The body of a response under a timeout: the upstream's, or our own answer.
///
/// It ends with the error [`Elapsed`] when its time is over. The error type is the common
/// `Box<dyn Error + Send + Sync>`, whatever the upstream's is; the upstream's own errors are inside
/// unchanged.
#[pin_project]
#[derive(Debug)]
pub struct TimeoutBody<R> {
    #[pin]
    source: Source<R>,
}

#[pin_project(project = SourceProj)]
#[derive(Debug)]
enum Source<R> {
    Answer(Answer),
    /// Its time was over, and the upstream's body was let go.
    Cut,
    Upstream {
        #[pin]
        inner: R,
        #[pin]
        timer: Timer,
        limits: Limits,
    },
}

/// The limits of one call.
#[derive(Debug)]
pub(super) struct Limits {
    event_stream: bool,
    head_only: bool,
    idle: Duration,
    /// When the present silence has lasted too long.
    idle_at: Option<Instant>,
    /// The window is over; what was there at that moment has gone through.
    overdue: bool,
    shared: Arc<Shared>,
    window: Option<Window>,
}

impl Limits {
    pub(super) const fn new(
        window: Option<Window>,
        idle: Duration,
        head_only: bool,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            event_stream: false,
            head_only,
            idle,
            idle_at: None,
            overdue: false,
            shared,
            window,
        }
    }

    /// Makes the end of the window the current deadline.
    pub(super) fn enter(&self) -> Option<DeadlineGuard> {
        self.window.map(|window| Deadline::at(window.at).enter())
    }

    pub(super) const fn window(&self) -> Option<Window> {
        self.window
    }

    pub(super) fn length(&self) -> Duration {
        self.window.map_or(Duration::ZERO, |window| window.length)
    }

    pub(super) fn rejected(&self, rejection: Rejection) {
        self.shared.rejected(rejection);
    }

    /// Goes over from the head to the body.
    fn body_of<R>(&mut self, response: &Response<R>) {
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
    }

    /// Says whether `frame`, which is there, still goes through.
    ///
    /// The frame that is there when the time is over does, and so does the end. More data does not: a
    /// body that always has some would never be cut, as when its reader is slow.
    fn passes<E>(&mut self, frame: Option<&Result<Frame<Bytes>, E>>, last: bool) -> bool {
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
    fn poll_elapsed(&mut self, timer: Pin<&mut Timer>, cx: &mut Context<'_>) -> Poll<Elapsed> {
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

impl<R> TimeoutBody<R> {
    pub(super) const fn answer(answer: Answer) -> Self {
        Self {
            source: Source::Answer(answer),
        }
    }

    pub(super) fn upstream(response: Response<R>, mut limits: Limits) -> Response<Self> {
        limits.body_of(&response);
        response.map(|inner| Self {
            source: Source::Upstream {
                inner,
                timer: Timer::new(),
                limits,
            },
        })
    }
}

impl<R> Body for TimeoutBody<R>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let elapsed = match self.as_mut().project().source.project() {
            SourceProj::Answer(answer) => {
                return Poll::Ready(answer.take().map(|text| Ok(Frame::data(text))));
            }
            SourceProj::Cut => return Poll::Ready(None),
            SourceProj::Upstream {
                mut inner,
                timer,
                limits,
            } => {
                let frame = {
                    let _guard = limits.enter();
                    inner.as_mut().poll_frame(cx)
                };
                // Before the timer: a frame that is there wins.
                let elapsed = if let Poll::Ready(frame) = frame {
                    limits.idle_at = None;
                    if limits.passes(frame.as_ref(), inner.is_end_stream()) {
                        return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
                    }
                    Elapsed::Total(limits.length())
                } else {
                    ready!(limits.poll_elapsed(timer, cx))
                };
                limits.shared.cut(elapsed, limits.event_stream);
                elapsed
            }
        };
        // Lets go of the upstream at once, as its own timeout would.
        self.project().source.set(Source::Cut);
        Poll::Ready(Some(Err(elapsed.into())))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Answer(answer) => answer.is_end_stream(),
            Source::Cut => true,
            Source::Upstream { inner, .. } => inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Answer(answer) => answer.size_hint(),
            Source::Cut => SizeHint::with_exact(0),
            Source::Upstream { inner, .. } => inner.size_hint(),
        }
    }
}
