//! The timers of a thread that nobody waits for at present.

use std::cell::RefCell;
use std::pin::Pin;
use std::time::Instant;

use tokio::runtime::{Handle, Id};

use super::armed::ArmedTimer;

/// How many timers a thread keeps: as many as its calls at one moment, which come and go in turn. They are
/// 13 KB at most.
pub(super) const MOST: usize = 64;
/// How many of them are looked at for one that goes off soon enough: as many as one call is likely to have
/// given back, each of a layer with another limit.
const LOOKED_AT: usize = 4;

thread_local! {
    static POOL: RefCell<TimerPool> = const { RefCell::new(TimerPool::new()) };
}

/// Timers of one runtime, the one in which the thread last armed one.
///
/// In a runtime that does not run, or whose clock is paused, they would go off at another time or never.
#[derive(Debug)]
struct TimerPool {
    runtime: Option<Id>,
    timers: Vec<Pin<Box<ArmedTimer>>>,
}

/// Returns a timer of the current runtime, which goes off at `at` or sooner, or may be set so.
///
/// # Panics
///
/// As any wait in tokio does, if there is no runtime here, or one that keeps no time.
pub(super) fn acquire(at: Instant) -> Pin<Box<ArmedTimer>> {
    let runtime = Handle::current().id();
    // The thread may be about to end, and so may a runtime that is just being cleared away.
    POOL.try_with(|pool| pool.try_borrow_mut().ok()?.acquire(at, runtime))
        .ok()
        .flatten()
        .unwrap_or_else(|| ArmedTimer::new(at, runtime))
}

/// Keeps `armed` for the next call, unless it has gone off.
///
/// It may have been armed on another thread, in another runtime, and be dropped where there is none.
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

    /// Finds one below the last.
    #[cold]
    fn find(&mut self, at: Instant) -> Option<Pin<Box<ArmedTimer>>> {
        while self.timers.last()?.is_over() {
            self.timers.pop();
        }
        let lowest = self.timers.len().saturating_sub(LOOKED_AT);
        let mut looked_at = self.timers[lowest..].iter();
        let index = match looked_at.rposition(|armed| fits(armed, at)) {
            Some(above) => lowest + above,
            // All go off too late. It is cheaper to set one than to arm another.
            None => self.timers.len() - 1,
        };
        Some(self.timers.swap_remove(index))
    }

    fn release(&mut self, armed: Pin<Box<ArmedTimer>>) -> Option<()> {
        let fits = self.runtime == Some(armed.runtime()) && self.timers.len() < MOST;
        fits.then(|| self.timers.push(armed))
    }
}

/// Says whether `armed` goes off in time.
///
/// One that has is not taken: after a shutdown its runtime's id may be another's.
fn fits(armed: &ArmedTimer, at: Instant) -> bool {
    armed.at() <= at && !armed.is_over()
}

/// Returns how many timers this thread keeps.
#[cfg(test)]
pub(super) fn kept() -> usize {
    POOL.with_borrow(|pool| pool.timers.len())
}
