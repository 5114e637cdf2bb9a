//! What ends a copy before it is done.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use crate::base::timer::Timer;
use crate::base::{MirrorDrop, clock};

/// The layer's end, the original's, and the copy's own timeout.
#[derive(Debug)]
pub(super) struct Until {
    /// Set when the original's request has ended.
    deadline: Option<Instant>,
    /// Closed when the layer and all its services are gone.
    stop: watch::Receiver<()>,
    timeout: Duration,
    /// None once the original's request has ended.
    verdict: Option<oneshot::Receiver<MirrorDrop>>,
}

impl Until {
    /// Creates one for a request whose body goes on until there is a `verdict`; without one, it has
    /// ended.
    pub(super) fn new(
        stop: watch::Receiver<()>,
        timeout: Duration,
        verdict: Option<oneshot::Receiver<MirrorDrop>>,
    ) -> Self {
        let mut until = Self {
            deadline: None,
            stop,
            timeout,
            verdict,
        };
        if until.verdict.is_none() {
            until.arm();
        }
        until
    }

    /// Runs `work` until it is done, or has to end.
    pub(super) async fn run<F: Future>(&mut self, work: F) -> Result<F::Output, MirrorDrop> {
        // Only its end is heard: nothing is ever sent.
        let mut stop = self.stop.clone();
        let mut stopped = pin!(stop.changed());
        let mut timer = pin!(Timer::new());
        let mut work = pin!(work);
        poll_fn(|cx| {
            if stopped.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(MirrorDrop::Stopped));
            }
            // Before the rest, so that an answer that is there wins.
            if let Poll::Ready(output) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            self.poll_end(timer.as_mut(), cx).map(Err)
        })
        .await
    }

    /// Says why the original's side gave up, if it did.
    pub(super) fn verdict(&mut self) -> Option<MirrorDrop> {
        self.verdict.as_mut()?.try_recv().ok()
    }

    fn poll_end(&mut self, timer: Pin<&mut Timer>, cx: &mut Context<'_>) -> Poll<MirrorDrop> {
        if let Some(verdict) = &mut self.verdict {
            match Pin::new(verdict).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(reason)) => {
                    self.verdict = None;
                    return Poll::Ready(reason);
                }
                Poll::Ready(Err(_)) => {
                    self.verdict = None;
                    self.arm();
                }
            }
        }
        match self.deadline {
            Some(deadline) => timer
                .poll_at(deadline, cx)
                .map(|()| MirrorDrop::TimedOut(self.timeout)),
            None => Poll::Pending,
        }
    }

    fn arm(&mut self) {
        // A time that the clock cannot tell never comes.
        self.deadline = Some(self.timeout)
            .filter(|timeout| !timeout.is_zero())
            .and_then(|timeout| clock::now().checked_add(timeout));
    }
}
