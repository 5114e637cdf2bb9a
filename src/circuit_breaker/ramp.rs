//! Times, and the share of requests that a time stands for.

use std::time::{Duration, Instant};

use crate::Percent;

/// The share that goes through when a recovery begins: Envoy's `min_weight_percent`.
const FIRST_SHARE: Percent = Percent::new(10);

/// Returns the share of requests that go through so long after the probes went well: it rises evenly
/// over the ramp, but from no less than the first share, as Envoy's slow start does.
pub(super) fn share(since: Instant, ramp: Duration, now: Instant) -> Percent {
    let passed = now.saturating_duration_since(since);
    if passed >= ramp {
        return Percent::ALL;
    }
    let passed = passed.as_secs_f64() / ramp.as_secs_f64();
    Percent::from_f64(passed * 100.0).max(FIRST_SHARE)
}

/// Returns the instant so long after `now`, or one that no process lives to see if the clock cannot
/// hold it.
pub(super) fn after(now: Instant, duration: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);
    now.checked_add(duration).unwrap_or_else(|| now + FAR)
}
