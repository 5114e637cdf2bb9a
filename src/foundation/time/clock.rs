//! The only place that reads the time.
//!
//! It reads tokio's clock, so `#[tokio::test(start_paused = true)]` drives every layer.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

/// Returns the current instant.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// One moment for several decisions: the clock is read when the first of them asks, if one does.
#[derive(Debug, Default)]
pub(crate) struct LazyNow(Cell<Option<Instant>>);

impl LazyNow {
    /// The moment that `instant` was read in, if it was.
    pub(crate) const fn of(instant: Option<Instant>) -> Self {
        Self(Cell::new(instant))
    }

    pub(crate) fn now(&self) -> Instant {
        let instant = self.0.get().unwrap_or_else(now);
        self.0.set(Some(instant));
        instant
    }
}

/// A century, which no process lives to see. Times are cut off here, far from where the arithmetic of the
/// clock, of the timers and of their runtime ends.
pub(crate) const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// Returns the instant so long after `now`, at most [`FAR`].
pub(crate) fn after(now: Instant, duration: Duration) -> Instant {
    now.checked_add(duration.min(FAR)).unwrap_or(now)
}

/// Returns the instant so long after `now`; none if it is so far off that it never comes.
#[inline]
pub(crate) fn reached_after(now: Instant, duration: Duration) -> Option<Instant> {
    if duration >= FAR {
        return None;
    }
    now.checked_add(duration)
}

/// Returns the time on the wall, which a date in a header is compared with.
pub(crate) fn system_time() -> SystemTime {
    SystemTime::now()
}

/// An instant that others are counted from, so that a time fits into one atomic word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockOrigin(Instant);

impl ClockOrigin {
    /// Starts counting at `now`.
    pub(crate) const fn at(now: Instant) -> Self {
        Self(now)
    }

    /// Returns the nanoseconds from the origin to `now`: 0 for an earlier time, and 584 years at
    /// the most.
    pub(crate) fn nanos(self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.0))
    }

    /// Returns the instant that lies `nanos` after the origin.
    pub(crate) fn instant(self, nanos: u64) -> Instant {
        after(self.0, Duration::from_nanos(nanos))
    }
}

/// Returns `duration` in nanoseconds, cut off at `u64::MAX` (584 years).
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
