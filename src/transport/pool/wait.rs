use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pin_project::pin_project;

use super::connection::lease::Lease;
use super::key::PoolKey;
use super::machine::PoolId;
use super::shared::Shared;
use crate::foundation::deadline::Deadline;
use crate::foundation::deadline::queueing as queued;
use crate::foundation::outcome::{Overflow, PoolError, Rejection};
use crate::foundation::time::timer::Timer;

/// Future of a request that waits for its connection, up to its caller's deadline.
///
/// Dropped before completion, it leaves the queue, and a connection assigned meanwhile goes to the
/// next waiter.
#[pin_project]
#[derive(Debug)]
pub(super) struct Wait {
    limit: Option<WaitLimit>,
    guard: WaiterGuard,
    #[pin]
    timer: Timer,
}

/// Error of a wait that ended without a connection.
#[derive(Debug)]
pub(super) enum WaitError {
    Failed(PoolError),
    Rejected(Rejection),
}

#[derive(Clone, Copy, Debug)]
struct WaitLimit {
    at: Instant,
    length: Duration,
}

/// A position in the queue; dropping it leaves the queue.
#[derive(Debug)]
struct WaiterGuard {
    key: PoolKey,
    shared: Arc<Shared>,
    waiter: Option<PoolId>,
}

impl Wait {
    /// Starts a wait at `now`; an error if the deadline has passed.
    pub(super) fn new(
        shared: Arc<Shared>,
        key: PoolKey,
        waiter: PoolId,
        deadline: Option<Deadline>,
        now: Instant,
    ) -> Result<Self, Overflow> {
        let waiter = Some(waiter);
        let guard = WaiterGuard {
            key,
            shared,
            waiter,
        };
        let limit = deadline.and_then(|deadline| {
            let length = deadline.remaining_at(now);
            let at = now.checked_add(length)?;
            Some(WaitLimit { at, length })
        });
        // Dropping the guard leaves the queue.
        if limit.is_some_and(|limit| limit.length.is_zero()) {
            return Err(Overflow::Wait(Duration::ZERO));
        }
        Ok(Self {
            limit,
            guard,
            timer: Timer::new(),
        })
    }
}

impl Future for Wait {
    type Output = Result<Lease, WaitError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let waiter = this.guard.waiter.expect("not polled after completion");
        // Before the timer: an assigned connection wins over the deadline.
        if let Poll::Ready(result) = this.guard.shared.poll_waiter(waiter, cx.waker()) {
            this.guard.waiter = None;
            return Poll::Ready(result.map_err(WaitError::Failed));
        }
        queued::note();
        let Some(limit) = *this.limit else {
            return Poll::Pending;
        };
        ready!(this.timer.poll_at(limit.at, cx));
        this.guard.leave();
        let overflow = Overflow::Wait(limit.length);
        Poll::Ready(Err(WaitError::Rejected(this.guard.shared.reject(overflow))))
    }
}

impl WaiterGuard {
    fn leave(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            self.shared.remove_waiter(&self.key, waiter);
        }
    }
}

impl Drop for WaiterGuard {
    fn drop(&mut self) {
        self.leave();
    }
}
