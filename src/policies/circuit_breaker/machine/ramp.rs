//! The share of admitted requests during the recovery.

use std::time::{Duration, Instant};

use crate::foundation::sync::Percent;

/// Share of requests admitted when a recovery begins: Envoy's `min_weight_percent`.
const FIRST_SHARE: Percent = Percent::new(10);

/// Returns the share of requests to admit at `now`. It rises linearly over the ramp from the first
/// share to 100 %, as in Envoy's slow start.
pub(in crate::policies::circuit_breaker) fn share(
    since: Instant,
    ramp: Duration,
    now: Instant,
) -> Percent {
    let passed = now.saturating_duration_since(since);
    if passed >= ramp {
        return Percent::ALL;
    }
    // `ramp` is not 0 here: then the time passed would reach it.
    let passed = passed.as_secs_f64() / ramp.as_secs_f64();
    Percent::from_f64(passed * 100.0).max(FIRST_SHARE)
}
