//! Timers in the timer wheel of a runtime.

use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use pin_project::pin_project;
use tokio::runtime::Id;
use tokio::task::unconstrained;
use tokio::time::{Sleep, sleep_until};

/// A timer that is in the wheel of its runtime, or has expired.
#[pin_project]
#[derive(Debug)]
pub(super) struct ArmedTimer {
    relay: Arc<WakerRelay>,
    runtime: Id,
    #[pin]
    sleep: Sleep,
}

/// Waker that forwards to the task waiting at present.
///
/// The wheel holds this relay alone. The next task to wait need not register in the wheel, which
/// would double the work, and the last one is removed without access to a runtime that may be
/// shutting down.
#[derive(Debug, Default)]
struct WakerRelay(Mutex<Option<Waker>>);

impl ArmedTimer {
    /// Arms a new timer in the current runtime, whose id is `runtime`.
    #[cold]
    pub(super) fn new(at: Instant, runtime: Id) -> Pin<Box<Self>> {
        let mut armed = Box::pin(Self {
            relay: Arc::default(),
            runtime,
            sleep: sleep_until(in_reach(at).into()),
        });
        let _ = armed.as_mut().register();
        armed
    }

    /// Returns the deadline.
    pub(super) fn at(&self) -> Instant {
        self.sleep.deadline().into_std()
    }

    /// Returns the id of the timer's runtime.
    pub(super) const fn runtime(&self) -> Id {
        self.runtime
    }

    /// True if the timer has expired; all timers of a runtime expire when it shuts down.
    pub(super) fn is_over(&self) -> bool {
        self.sleep.is_elapsed()
    }

    /// Changes the deadline.
    #[cold]
    pub(super) fn set(mut self: Pin<&mut Self>, at: Instant) {
        self.as_mut().project().sleep.reset(in_reach(at).into());
        // A wheel lets go of a relay that it wakes, and one that is made otherwise may with each change.
        let _ = self.register();
    }

    /// Waits for the timer to expire.
    #[inline]
    pub(super) fn poll(self: Pin<&mut Self>, cx: &Context<'_>) -> Poll<()> {
        // The waker is stored before the check, so that a timer that expires in between wakes it.
        self.relay.listen(cx.waker());
        if self.is_over() {
            // After a shutdown this panics, as every wait in tokio does.
            return self.register();
        }
        Poll::Pending
    }

    /// Drops the waker of the last task.
    #[inline]
    pub(super) fn forget(&self) {
        self.relay.replace(None);
    }

    /// Registers the relay in the wheel, unless the timer has expired.
    fn register(self: Pin<&mut Self>) -> Poll<()> {
        let this = self.project();
        let waker = Waker::from(Arc::clone(this.relay));
        // Unconstrained: a task without cooperative budget left would get `Pending` without a
        // registration.
        Pin::new(&mut unconstrained(this.sleep)).poll(&mut Context::from_waker(&waker))
    }
}

/// Returns `at`, or the last instant but a second if it lies behind that: the runtime rounds up to the
/// next millisecond.
fn in_reach(at: Instant) -> Instant {
    const ROOM: Duration = Duration::from_secs(1);
    let is_in_reach = at.checked_add(ROOM).is_some();
    if is_in_reach {
        at
    } else {
        at.checked_sub(ROOM).unwrap_or(at)
    }
}

impl WakerRelay {
    #[inline]
    fn listen(&self, waker: &Waker) {
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !present
            .as_ref()
            .is_some_and(|present| present.will_wake(waker))
        {
            let last = present.replace(waker.clone());
            // Dropped outside the lock: dropping a waker may drop a whole task, which may use this
            // timer.
            drop(present);
            drop(last);
        }
    }

    #[inline]
    fn replace(&self, waker: Option<Waker>) -> Option<Waker> {
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mem::replace(&mut present, waker)
    }
}

impl Wake for WakerRelay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(waker) = self.replace(None) {
            waker.wake();
        }
    }
}
