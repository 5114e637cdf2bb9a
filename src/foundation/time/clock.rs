//! The clock. No other code of this crate reads the time.
//!
//! It is tokio's clock, so `#[tokio::test(start_paused = true)]` drives every layer.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

/// Returns the current instant.
#[expect(
    clippy::disallowed_methods,
    reason = "all other code reads the clock here"
)]
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// One instant shared by several decisions: the clock is read when the first of them needs it.
#[derive(Debug, Default)]
pub(crate) struct LazyNow(Cell<Option<Instant>>);

impl LazyNow {
    /// Creates an instant that is already known, or not.
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

/// Returns the wall-clock time, for comparison with dates in headers.
pub(crate) fn system_time() -> SystemTime {
    SystemTime::now()
}

/// Origin for times stored as nanoseconds in one atomic word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockOrigin(Instant);

impl ClockOrigin {
    /// Creates an origin at `now`.
    pub(crate) const fn at(now: Instant) -> Self {
        Self(now)
    }

    /// Returns the nanoseconds from the origin to `now`: 0 for earlier times, 584 years at most.
    pub(crate) fn nanos(self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.0))
    }

    /// Returns the instant `nanos` after the origin.
    pub(crate) fn instant(self, nanos: u64) -> Instant {
        after(self.0, Duration::from_nanos(nanos))
    }
}

/// Returns `duration` in nanoseconds, saturated at `u64::MAX` (584 years).
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
