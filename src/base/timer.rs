//! A timer that costs nothing until something has to be waited for.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use pin_project::pin_project;
use tokio::time::{Sleep, sleep_until};

/// A timer that is armed by its first poll, so that an answer that is there at once costs none.
#[pin_project]
#[derive(Debug, Default)]
pub(crate) struct Timer {
    #[pin]
    sleep: Option<Sleep>,
}

impl Timer {
    /// Creates a timer that is not armed.
    pub(crate) const fn new() -> Self {
        Self { sleep: None }
    }

    /// Waits until `at`, which may be another instant at each poll.
    pub(crate) fn poll_at(self: Pin<&mut Self>, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let at = at.into();
        let mut slot = self.project().sleep;
        match slot.as_mut().as_pin_mut() {
            None => slot.set(Some(sleep_until(at))),
            Some(sleep) if sleep.deadline() != at => sleep.reset(at),
            Some(_) => {}
        }
        slot.as_pin_mut()
            .map_or(Poll::Pending, |sleep| sleep.poll(cx))
    }
}
