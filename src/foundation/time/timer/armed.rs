//! A timer in the wheel of a runtime.

use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use pin_project::pin_project;
use tokio::runtime::Id;
use tokio::task::unconstrained;
use tokio::time::{Sleep, sleep_until};

/// A timer that is in the wheel of its runtime, or has gone off.
#[pin_project]
#[derive(Debug)]
pub(super) struct ArmedTimer {
    relay: Arc<WakerRelay>,
    runtime: Id,
    #[pin]
    sleep: Sleep,
}

/// Wakes whoever waits at present.
///
/// The wheel knows only this one. So the next to wait need not tell it, which would be twice the work,
/// and the last one is forgotten without asking a runtime that may be shutting down.
#[derive(Debug, Default)]
struct WakerRelay(Mutex<Option<Waker>>);

impl ArmedTimer {
    /// Arms a new timer in the current runtime, which is `runtime`.
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

    /// Returns when it goes off.
    pub(super) fn at(&self) -> Instant {
        self.sleep.deadline().into_std()
    }

    /// Returns the runtime that it is armed in.
    pub(super) const fn runtime(&self) -> Id {
        self.runtime
    }

    /// Says whether it has gone off, as all do when their runtime shuts down.
    pub(super) fn is_over(&self) -> bool {
        self.sleep.is_elapsed()
    }

    /// Changes when it goes off.
    #[cold]
    pub(super) fn set(mut self: Pin<&mut Self>, at: Instant) {
        self.as_mut().project().sleep.reset(in_reach(at).into());
        // A wheel lets go of a relay that it wakes, and one that is made otherwise may with each change.
        let _ = self.register();
    }

    /// Waits until it goes off.
    #[inline]
    pub(super) fn poll(self: Pin<&mut Self>, cx: &Context<'_>) -> Poll<()> {
        // In this order, so that one that goes off in between wakes us.
        self.relay.listen(cx.waker());
        if self.is_over() {
            // Panics if there was a shutdown, as everything that waits in tokio does then.
            return self.register();
        }
        Poll::Pending
    }

    /// Forgets who has waited.
    #[inline]
    pub(super) fn forget(&self) {
        self.relay.replace(None);
    }

    /// Tells the wheel of the relay, unless the time is over.
    fn register(self: Pin<&mut Self>) -> Poll<()> {
        let this = self.project();
        let waker = Waker::from(Arc::clone(this.relay));
        // A task that has used up its share would be sent away without being registered.
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
            // Not under the lock: with a waker, all of a task may go.
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
