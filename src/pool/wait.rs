use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::key::Key;
use super::lease::Lease;
use super::machine::Id;
use super::shared::Shared;
use crate::base::PoolError;

/// The wait of a request for its connection.
///
/// Dropped before it is over, it leaves the queue, and a place that has come goes to the next one.
#[derive(Debug)]
pub(super) struct Wait {
    key: Key,
    shared: Arc<Shared>,
    waiter: Option<Id>,
}

impl Wait {
    pub(super) const fn new(shared: Arc<Shared>, key: Key, waiter: Id) -> Self {
        Self {
            key,
            shared,
            waiter: Some(waiter),
        }
    }
}

impl Future for Wait {
    type Output = Result<Lease, PoolError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let waiter = self.waiter.expect("not polled after completion");
        let result = ready!(self.shared.poll_seat(waiter, cx.waker()));
        self.waiter = None;
        Poll::Ready(result)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter {
            self.shared.leave_seat(&self.key, waiter);
        }
    }
}
