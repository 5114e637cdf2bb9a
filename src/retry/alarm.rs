use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project::pin_project;
use tokio::time::Sleep;

/// A timer that is made when it is first needed, and then used again.
#[pin_project]
pub(super) struct Alarm {
    at: Option<Instant>,
    #[pin]
    sleep: Option<Sleep>,
}

impl Alarm {
    pub(super) const fn new() -> Self {
        Self {
            at: None,
            sleep: None,
        }
    }

    /// Is ready at `at`.
    pub(super) fn poll_at(self: Pin<&mut Self>, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if *this.at != Some(at) {
            *this.at = Some(at);
            match this.sleep.as_mut().as_pin_mut() {
                Some(sleep) => sleep.reset(at.into()),
                None => this.sleep.set(Some(tokio::time::sleep_until(at.into()))),
            }
        }
        let sleep = this.sleep.as_pin_mut();
        sleep.map_or(Poll::Ready(()), |sleep| sleep.poll(cx))
    }
}

/// Adds a wait to an instant; one that the clock cannot say is 30 years.
pub(super) fn later(now: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);
    now + wait.min(FAR)
}
