use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pin_project::pin_project;

use super::key::Key;
use super::lease::Lease;
use super::machine::Id;
use super::shared::Shared;
use crate::base::queued;
use crate::base::timer::Timer;
use crate::base::{Deadline, Overflow, PoolError, Rejection};

/// The wait of a request for its connection, which ends with its caller's deadline.
///
/// Dropped before it is over, it leaves the queue, and a place that has come goes to the next one.
#[pin_project]
#[derive(Debug)]
pub(super) struct Wait {
    limit: Option<Limit>,
    seat: Seat,
    #[pin]
    timer: Timer,
}

/// Why a wait ended without a connection.
#[derive(Debug)]
pub(super) enum Unserved {
    Failed(PoolError),
    Refused(Rejection),
}

#[derive(Clone, Copy, Debug)]
struct Limit {
    at: Instant,
    length: Duration,
}

/// A place in the queue.
#[derive(Debug)]
struct Seat {
    key: Key,
    shared: Arc<Shared>,
    waiter: Option<Id>,
}

impl Wait {
    /// Waits from `now` on, unless there is no time to.
    pub(super) fn new(
        shared: Arc<Shared>,
        key: Key,
        waiter: Id,
        deadline: Option<Deadline>,
        now: Instant,
    ) -> Result<Self, Overflow> {
        let waiter = Some(waiter);
        let seat = Seat {
            key,
            shared,
            waiter,
        };
        let limit = deadline.and_then(|deadline| {
            let length = deadline.remaining_at(now);
            let at = now.checked_add(length)?;
            Some(Limit { at, length })
        });
        if limit.is_some_and(|limit| limit.length.is_zero()) {
            return Err(Overflow::Wait(Duration::ZERO));
        }
        Ok(Self {
            limit,
            seat,
            timer: Timer::new(),
        })
    }
}

impl Future for Wait {
    type Output = Result<Lease, Unserved>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let waiter = this.seat.waiter.expect("not polled after completion");
        // Before the timer: a connection that is there wins.
        if let Poll::Ready(result) = this.seat.shared.poll_seat(waiter, cx.waker()) {
            this.seat.waiter = None;
            return Poll::Ready(result.map_err(Unserved::Failed));
        }
        queued::note();
        let Some(limit) = *this.limit else {
            return Poll::Pending;
        };
        ready!(this.timer.poll_at(limit.at, cx));
        this.seat.leave();
        let overflow = Overflow::Wait(limit.length);
        Poll::Ready(Err(Unserved::Refused(this.seat.shared.refuse(overflow))))
    }
}

impl Seat {
    fn leave(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            self.shared.leave_seat(&self.key, waiter);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}
