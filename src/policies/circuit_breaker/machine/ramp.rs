//! The share of requests that a time of the recovery stands for.

use std::time::{Duration, Instant};

use crate::foundation::sync::Percent;

/// The share that goes through when a recovery begins: Envoy's `min_weight_percent`.
const FIRST_SHARE: Percent = Percent::new(10);

/// Returns the share of requests that go through so long after the probes went well: it rises
/// evenly over the ramp, but from no less than the first share, as Envoy's slow start does.
pub(in crate::policies::circuit_breaker) fn share(
    since: Instant,
    ramp: Duration,
    now: Instant,
) -> Percent {
    let passed = now.saturating_duration_since(since);
    if passed >= ramp {
        return Percent::ALL;
    }
    let passed = passed.as_secs_f64() / ramp.as_secs_f64();
    Percent::from_f64(passed * 100.0).max(FIRST_SHARE)
}
