use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pin_project::pin_project;

use super::ConcurrencyLimitTicket;
use super::permits::QueueEntry;
use super::service::{QueuedPermit, Shared};
use crate::foundation::deadline::Deadline;
use crate::foundation::deadline::queueing as queued;
use crate::foundation::outcome::{Overflow, Rejection};
use crate::foundation::sync::sharded_arc::LocalArc;
use crate::foundation::time::clock;
use crate::foundation::time::timer::Timer;

/// The wait of a request for its permit.
///
/// Dropped earlier, it leaves the queue, and a permit granted in the meantime goes to the next
/// waiter.
#[pin_project]
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Wait {
    permit: QueuedPermit,
    #[pin]
    timer: Timer,
    limit: Option<WaitLimit>,
}

#[derive(Clone, Copy, Debug)]
struct WaitLimit {
    at: Instant,
    length: Duration,
}

impl Wait {
    /// Waits for the entry `place`; fails if the deadline has passed.
    pub(super) fn new(
        shared: LocalArc<Shared>,
        place: QueueEntry,
        max_wait: Duration,
    ) -> Result<Self, Overflow> {
        // Created before the check: if there is no time, its drop leaves the queue.
        let turn = QueuedPermit::new(shared, place);
        let limit = limit(max_wait, Deadline::current(), clock::now());
        if limit.is_some_and(|limit| limit.length.is_zero()) {
            return Err(Overflow::Wait(Duration::ZERO));
        }
        Ok(Self {
            permit: turn,
            timer: Timer::new(),
            limit,
        })
    }
}

/// Returns the maximum wait from `now`; `None` means no limit.
fn limit(max_wait: Duration, deadline: Option<Deadline>, now: Instant) -> Option<WaitLimit> {
    let own = (!max_wait.is_zero()).then_some(max_wait);
    let left = deadline.map(|deadline| deadline.remaining_at(now));
    let length = own.into_iter().chain(left).min()?;
    let at = clock::reached_after(now, length)?;
    Some(WaitLimit { at, length })
}

impl Future for Wait {
    type Output = Result<ConcurrencyLimitTicket, Rejection>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Before the timer: a permit that was granted wins over a wait that is over.
        if let Some(permit) = this.permit.take(cx.waker()) {
            return Poll::Ready(Ok(permit));
        }
        queued::note();
        let Some(limit) = *this.limit else {
            return Poll::Pending;
        };
        ready!(this.timer.poll_at(limit.at, cx));
        // The permit may have been granted since the check above.
        Poll::Ready(match this.permit.leave() {
            Some(permit) => Ok(permit),
            None => Err(this.permit.shared().reject(Overflow::Wait(limit.length))),
        })
    }
}
