//! Cancellation of a copy before it is complete.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::foundation::outcome::MirrorDropReason;
use crate::foundation::sync::OwnerHandle;
use crate::foundation::time::clock;
use crate::foundation::time::timer::Timer;

/// Causes that cancel a copy: the end of the layer, an incomplete original, and the copy's timeout.
#[derive(Debug)]
pub(in crate::policies::mirror) struct Cancellation {
    /// Deadline of the copy; set when the original's request has ended.
    deadline: Option<Instant>,
    /// Owner of the copies, dropped with the layer and all its services.
    owner: OwnerHandle,
    timeout: Duration,
    /// None once the original's request has ended.
    verdict: Option<oneshot::Receiver<MirrorDropReason>>,
}

impl Cancellation {
    /// Creates the cancellation of a copy whose original body streams until its `verdict`; without
    /// a verdict, the request has ended already.
    pub(in crate::policies::mirror) fn new(
        owner: OwnerHandle,
        timeout: Duration,
        verdict: Option<oneshot::Receiver<MirrorDropReason>>,
    ) -> Self {
        let mut cancellation = Self {
            deadline: None,
            owner,
            timeout,
            verdict,
        };
        if cancellation.verdict.is_none() {
            cancellation.arm();
        }
        cancellation
    }

    /// Runs `work` until it completes or is cancelled.
    pub(in crate::policies::mirror) async fn run<F: Future>(
        &mut self,
        work: F,
    ) -> Result<F::Output, MirrorDropReason> {
        let mut stopped = pin!(self.owner.clone().dropped());
        let mut timer = pin!(Timer::new());
        let mut work = pin!(work);
        poll_fn(|cx| {
            if stopped.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(MirrorDropReason::Stopped));
            }
            // Polled before the work, so that an incomplete body is not sent for nothing.
            if let Poll::Ready(reason) = self.poll_verdict(cx) {
                return Poll::Ready(Err(reason));
            }
            // Polled before the timer, so that a response that is ready wins.
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

    /// Returns the reason for which the original's side gave up, if it did.
    pub(in crate::policies::mirror) fn verdict(&mut self) -> Option<MirrorDropReason> {
        self.verdict.as_mut()?.try_recv().ok()
    }

    /// Becomes ready if the original's side gave up; starts the timeout when its request has ended.
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
        // A deadline beyond the range of the clock is no deadline.
        self.deadline = Some(self.timeout)
            .filter(|timeout| !timeout.is_zero())
            .and_then(|timeout| clock::reached_after(clock::now(), timeout));
    }
}
