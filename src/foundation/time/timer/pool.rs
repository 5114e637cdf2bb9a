//! The idle timers of a thread.

use std::cell::RefCell;
use std::pin::Pin;
use std::time::Instant;

use tokio::runtime::{Handle, Id};

use super::armed::ArmedTimer;

/// Maximum number of timers that a thread keeps: about as many as its calls in flight at one
/// moment. 13 KB at most.
pub(super) const MOST: usize = 64;
/// Number of kept timers searched for one with an early enough deadline: as many as one call is
/// likely to have returned, each of a layer with another limit.
const LOOKED_AT: usize = 4;

thread_local! {
    static POOL: RefCell<TimerPool> = const { RefCell::new(TimerPool::new()) };
}

/// Idle timers of one runtime, the one in which the thread armed its last timer.
///
/// Timers of a runtime that is not running, or whose clock is paused, would expire at a wrong time
/// or never.
#[derive(Debug)]
struct TimerPool {
    runtime: Option<Id>,
    timers: Vec<Pin<Box<ArmedTimer>>>,
}

/// Returns a timer of the current runtime whose deadline is `at` or earlier, or which can be reset
/// to `at`.
///
/// # Panics
///
/// Outside a tokio runtime, or in one without a time driver, as every wait in tokio does.
pub(super) fn acquire(at: Instant) -> Pin<Box<ArmedTimer>> {
    let runtime = Handle::current().id();
    // Fails while the thread ends, or while the pool drops timers and, with the last of them, the
    // tasks of their runtime, whose timers come back here. A new timer is armed then.
    POOL.try_with(|pool| pool.try_borrow_mut().ok()?.acquire(at, runtime))
        .ok()
        .flatten()
        .unwrap_or_else(|| ArmedTimer::new(at, runtime))
}

/// Keeps `armed` for the next call, unless it has expired.
///
/// The timer may have been armed on another thread or in another runtime, and may be dropped
/// outside any runtime.
pub(super) fn release(armed: Pin<Box<ArmedTimer>>) {
    armed.forget();
    if !armed.is_over() {
        let _ = POOL.try_with(|pool| pool.try_borrow_mut().ok()?.release(armed));
    }
}

impl TimerPool {
    const fn new() -> Self {
        Self {
            runtime: None,
            timers: Vec::new(),
        }
    }

    fn acquire(&mut self, at: Instant, runtime: Id) -> Option<Pin<Box<ArmedTimer>>> {
        if self.runtime != Some(runtime) {
            self.runtime = Some(runtime);
            self.timers.clear();
        }
        let last = self.timers.last()?;
        if fits(last, at) {
            return self.timers.pop();
        }
        self.find(at)
    }

    /// Searches the timers below the last.
    #[cold]
    fn find(&mut self, at: Instant) -> Option<Pin<Box<ArmedTimer>>> {
        while self.timers.last()?.is_over() {
            self.timers.pop();
        }
        let lowest = self.timers.len().saturating_sub(LOOKED_AT);
        let mut looked_at = self.timers[lowest..].iter();
        let index = match looked_at.rposition(|armed| fits(armed, at)) {
            Some(above) => lowest + above,
            // All deadlines are too late. Resetting a timer is cheaper than arming a new one.
            None => self.timers.len() - 1,
        };
        Some(self.timers.swap_remove(index))
    }

    fn release(&mut self, armed: Pin<Box<ArmedTimer>>) -> Option<()> {
        let fits = self.runtime == Some(armed.runtime()) && self.timers.len() < MOST;
        fits.then(|| self.timers.push(armed))
    }
}

/// True if `armed` expires no later than `at`.
///
/// An expired timer is not reused: after a shutdown its runtime's id may belong to another runtime.
fn fits(armed: &ArmedTimer, at: Instant) -> bool {
    armed.at() <= at && !armed.is_over()
}

/// Returns the number of timers that this thread keeps.
#[cfg(test)]
pub(super) fn kept() -> usize {
    POOL.with_borrow(|pool| pool.timers.len())
}
