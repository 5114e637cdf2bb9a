//! What ends a copy before it is done.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use crate::foundation::outcome::MirrorDropReason;
use crate::foundation::time::clock;
use crate::foundation::time::timer::Timer;

/// The layer's end, the original's, and the copy's own timeout.
#[derive(Debug)]
pub(in crate::policies::mirror) struct Cancellation {
    /// Set when the original's request has ended.
    deadline: Option<Instant>,
    /// Closed when the layer and all its services are gone.
    stop: watch::Receiver<()>,
    timeout: Duration,
    /// None once the original's request has ended.
    verdict: Option<oneshot::Receiver<MirrorDropReason>>,
}

impl Cancellation {
    /// Creates one for a request whose body goes on until there is a `verdict`; without one, it has
    /// ended.
    pub(in crate::policies::mirror) fn new(
        stop: watch::Receiver<()>,
        timeout: Duration,
        verdict: Option<oneshot::Receiver<MirrorDropReason>>,
    ) -> Self {
        let mut cancellation = Self {
            deadline: None,
            stop,
            timeout,
            verdict,
        };
        if cancellation.verdict.is_none() {
            cancellation.arm();
        }
        cancellation
    }

    /// Runs `work` until it is done, or has to end.
    pub(in crate::policies::mirror) async fn run<F: Future>(
        &mut self,
        work: F,
    ) -> Result<F::Output, MirrorDropReason> {
        // Only its end is heard: nothing is ever sent.
        let mut stop = self.stop.clone();
        let mut stopped = pin!(stop.changed());
        let mut timer = pin!(Timer::new());
        let mut work = pin!(work);
        poll_fn(|cx| {
            if stopped.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(MirrorDropReason::Stopped));
            }
            // Before the work, so that half a body is not sent for nothing.
            if let Poll::Ready(reason) = self.poll_verdict(cx) {
                return Poll::Ready(Err(reason));
            }
            // Before the timer, so that an answer that is there wins.
            if let Poll::Ready(output) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            let Some(deadline) = self.deadline else {
                return Poll::Pending;
            };
            let over = timer.as_mut().poll_at(deadline, cx);
            over.map(|()| Err(MirrorDropReason::TimedOut(self.timeout)))
        })
        .await
    }

    /// Says why the original's side gave up, if it did.
    pub(in crate::policies::mirror) fn verdict(&mut self) -> Option<MirrorDropReason> {
        self.verdict.as_mut()?.try_recv().ok()
    }

    /// Is ready if the original's side gave up; starts the timeout if its request has ended.
    fn poll_verdict(&mut self, cx: &mut Context<'_>) -> Poll<MirrorDropReason> {
        let Some(verdict) = &mut self.verdict else {
            return Poll::Pending;
        };
        let verdict = ready!(Pin::new(verdict).poll(cx));
        self.verdict = None;
        if let Ok(reason) = verdict {
            return Poll::Ready(reason);
        }
        self.arm();
        Poll::Pending
    }

    fn arm(&mut self) {
        // A time that the clock cannot tell never comes.
        self.deadline = Some(self.timeout)
            .filter(|timeout| !timeout.is_zero())
            .and_then(|timeout| clock::reached_after(clock::now(), timeout));
    }
}
