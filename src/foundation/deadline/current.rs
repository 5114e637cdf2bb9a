use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project::pin_project;

use crate::foundation::time::clock;

thread_local! {
    /// The deadline that holds for the running code.
    static CURRENT: Cell<Option<Deadline>> = const { Cell::new(None) };
    /// True if requests that are sent under it leave it out of their headers.
    static UNTOLD: Cell<bool> = const { Cell::new(false) };
}

/// The instant after which the caller no longer waits for the response.
///
/// The timeout layer sets it for everything that runs inside it, so that a client called from a
/// handler observes the caller's deadline without code in the handler. It is a thread-local that is
/// set for each poll of the handler's own task; a spawned task starts without one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Deadline(Instant);

impl Deadline {
    /// Creates a deadline at `instant`.
    #[must_use]
    pub const fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// Creates a deadline `timeout` from now; `None` if that exceeds the range of the clock.
    #[must_use]
    pub fn after(timeout: Duration) -> Option<Self> {
        clock::reached_after(clock::now(), timeout).map(Self)
    }

    /// Returns the deadline of the running call, if it has one.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.get()
    }

    /// Says whether requests leave the current deadline out of their headers.
    pub(crate) fn is_untold() -> bool {
        UNTOLD.get()
    }

    /// Returns the deadline as an instant.
    #[must_use]
    pub const fn instant(self) -> Instant {
        self.0
    }

    /// Returns the time left at `now`; zero once the deadline has passed.
    #[must_use]
    pub fn remaining_at(self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }

    /// Returns the time left; zero once the deadline has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.remaining_at(clock::now())
    }

    /// Runs `f` under this deadline, or under the current one if that comes sooner.
    pub fn scope<T>(self, f: impl FnOnce() -> T) -> T {
        let _guard = self.enter();
        f()
    }

    /// Wraps `future` so that each poll runs under this deadline, for a task that is spawned on
    /// behalf of a caller.
    pub const fn scoped<F>(self, future: F) -> WithDeadline<F> {
        WithDeadline {
            deadline: self,
            future,
        }
    }

    /// Makes this the current deadline until the guard is dropped, unless a sooner one holds.
    pub(crate) fn enter(self) -> DeadlineGuard {
        self.enter_told(!UNTOLD.get())
    }

    /// Makes this the current deadline as [`enter`](Self::enter) does, and says whether requests that are sent
    /// under it tell of it.
    #[inline]
    pub(crate) fn enter_told(self, told: bool) -> DeadlineGuard {
        let outer = CURRENT.get();
        CURRENT.set(Some(outer.map_or(self, |outer| outer.min(self))));
        let untold = UNTOLD.replace(!told);
        DeadlineGuard { outer, untold }
    }
}

/// Guard that restores the outer deadline, also when the code under it panics.
#[derive(Debug)]
pub(crate) struct DeadlineGuard {
    outer: Option<Deadline>,
    untold: bool,
}

impl Drop for DeadlineGuard {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.outer);
        UNTOLD.set(self.untold);
    }
}

/// A future that runs under a deadline; see [`Deadline::scoped`].
#[pin_project]
#[derive(Clone, Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct WithDeadline<F> {
    deadline: Deadline,
    #[pin]
    future: F,
}

impl<F: Future> Future for WithDeadline<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Entered for each poll: between polls the thread runs other tasks.
        let _guard = this.deadline.enter();
        this.future.poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sooner_deadline_holds_and_the_outer_one_returns() {
        let now = clock::now();
        let soon = Deadline::at(now + Duration::from_secs(1));
        let late = Deadline::at(now + Duration::from_secs(9));

        late.scope(|| {
            soon.scope(|| {
                late.scope(|| assert_eq!(Deadline::current(), Some(soon)));
            });
            assert_eq!(Deadline::current(), Some(late));
        });
        assert_eq!(Deadline::current(), None);
    }

    #[test]
    fn a_panic_does_not_leave_its_deadline_behind() {
        let deadline = Deadline::at(clock::now());
        let result = std::panic::catch_unwind(|| deadline.scope(|| panic!("as planned")));
        assert!(result.is_err());
        assert_eq!(Deadline::current(), None);
    }
}
