use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

use super::QueueEntry;
use crate::foundation::deadline::queueing as queued;
use crate::foundation::outcome::Rejection;
use crate::policies::rate_limit::RateLimitPermit;
use crate::policies::rate_limit::service::RateLimitTicket;
use crate::policies::rate_limit::shared::Shared;
use crate::policies::rate_limit::state::store::KeyHash;

/// The reservation of a queued call; dropped before its time, it is refunded.
#[derive(Debug)]
pub(in crate::policies::rate_limit) struct QueuedReservation {
    entry: Arc<QueueEntry>,
    shared: Arc<Shared>,
    key: KeyHash,
    used: bool,
}

impl QueuedReservation {
    pub(in crate::policies::rate_limit) const fn new(
        shared: Arc<Shared>,
        key_hash: KeyHash,
        place: Arc<QueueEntry>,
    ) -> Self {
        Self {
            entry: place,
            shared,
            key: key_hash,
            used: false,
        }
    }
}

impl Drop for QueuedReservation {
    fn drop(&mut self) {
        self.shared.leave(self.key, &self.entry, self.used);
    }
}

/// The wait of a call for its reserved time.
///
/// Dropped earlier, it returns its reservation, and the waiters behind it move up.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub(in crate::policies::rate_limit) struct WaitUntilReady {
    reservation: QueuedReservation,
    // Boxed, so that a future that never waits stays small; created by the first poll.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl WaitUntilReady {
    pub(in crate::policies::rate_limit) const fn new(reservation: QueuedReservation) -> Self {
        Self {
            reservation,
            sleep: None,
        }
    }
}

impl Future for WaitUntilReady {
    type Output = RateLimitPermit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<RateLimitPermit> {
        let this = &mut *self;
        let QueuedReservation {
            entry: place,
            shared,
            key: key_hash,
            used,
        } = &mut this.reservation;
        loop {
            place.watch(cx.waker());
            let at = place.at();
            let instant = Instant::from_std(shared.instant(at));
            let sleep = this
                .sleep
                .get_or_insert_with(|| Box::pin(sleep_until(instant)));
            if sleep.deadline() != instant {
                sleep.as_mut().reset(instant);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                queued::note();
                return Poll::Pending;
            }
            if place.at() == at {
                *used = true;
                return Poll::Ready(RateLimitPermit::new(
                    Arc::clone(shared),
                    *key_hash,
                    at,
                    place.cost(),
                ));
            }
        }
    }
}

/// The wait of a request in the queue of a [`RateLimit`](crate::policies::rate_limit::RateLimit).
///
/// Dropped before its time, it returns its reservation, and the waiters behind it move up.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct RateLimitWait(WaitUntilReady);

impl RateLimitWait {
    pub(in crate::policies::rate_limit) const fn new(reservation: QueuedReservation) -> Self {
        Self(WaitUntilReady::new(reservation))
    }
}

impl Future for RateLimitWait {
    type Output = Result<RateLimitTicket, Rejection>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let permit = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(Ok(RateLimitTicket::of(permit)))
    }
}
