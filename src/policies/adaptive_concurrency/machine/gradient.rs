//! Envoy's gradient, with a minimum latency that is measured without closing the door.

use std::time::{Duration, Instant};

use super::window::{Window, seconds};

/// Envoy's buffer: a latency may exceed the minimum by this factor without effect.
const BUFFER: f64 = 1.25;
/// Share of its capacity to which a probe lowers the upstream's load.
const PROBE: f64 = 0.9;
/// A probe whose latency is below the last minimum times this is followed by a lower one.
const LOWER: f64 = 0.95;
/// Share of refused requests at which lowering the limit costs callers nothing but what they lose already.
const OVERLOAD: f64 = 0.1;
/// A minimum of this many intervals is measured again after a single refusal.
const STALE: u32 = 3;

/// The latency against its minimum.
#[derive(Debug, Default)]
pub(super) struct Gradient {
    /// Time of the last probe, or of a later window without refusals and with the minimum latency.
    measured: Option<Instant>,
    minimum: Option<Duration>,
    probe: Option<Probe>,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    began: Instant,
    /// Highest rate of the upstream's responses that was seen, for each second.
    rate: f64,
    restore: f64,
}

impl Gradient {
    /// Returns the time before which no sample may have started: requests from before a probe have waited in the queue
    /// that it lets drain.
    pub(super) fn not_before(&self) -> Option<Instant> {
        self.probe.map(|probe| probe.began)
    }

    pub(super) const fn minimum(&self) -> Option<Duration> {
        self.minimum
    }

    pub(super) fn update(
        &mut self,
        window: &Window,
        limit: f64,
        probe_interval: Duration,
        now: Instant,
    ) -> f64 {
        let Some(latency) = window.latency else {
            return limit;
        };
        let known = self.minimum.unwrap_or(latency);
        if let Some(probe) = self.probe.take() {
            return self.probed(probe, window, latency, known, now);
        }
        let minimum = known.min(latency);
        self.minimum = Some(minimum);
        if window.traffic.refused == 0
            && latency.mul_f64(LOWER) <= minimum
            && self.measured.is_some()
        {
            self.measured = Some(now);
        }
        if self.is_probe_due(window, probe_interval, now) {
            return self.begin(window.rate(), limit, minimum, now);
        }
        if window.is_idle(limit) {
            return limit;
        }
        let gradient = (seconds(minimum) * BUFFER / seconds(latency)).clamp(0.5, 2.0);
        with_head_room(limit * gradient)
    }

    fn is_probe_due(&self, window: &Window, interval: Duration, now: Instant) -> bool {
        let refused = f64::from(window.traffic.refused);
        if refused == 0.0 {
            return false;
        }
        let overloaded = refused >= OVERLOAD * (refused + f64::from(window.samples));
        let Some(measured) = self.measured else {
            return overloaded;
        };
        let age = now.saturating_duration_since(measured);
        (overloaded && age >= interval) || age >= interval.saturating_mul(STALE)
    }

    /// Begins a probe: by Little's law the upstream has no queue below `rate × minimum` requests.
    fn begin(&mut self, rate: f64, restore: f64, minimum: Duration, now: Instant) -> f64 {
        self.probe = Some(Probe {
            began: now,
            rate,
            restore,
        });
        (PROBE * rate * seconds(minimum)).floor().min(restore)
    }

    /// Ends a probe, or begins a lower one if the latency has fallen with the limit.
    fn probed(
        &mut self,
        probe: Probe,
        window: &Window,
        latency: Duration,
        known: Duration,
        now: Instant,
    ) -> f64 {
        self.minimum = Some(latency);
        let rate = probe.rate.max(window.rate());
        if latency < known.mul_f64(LOWER) {
            return self.begin(rate, probe.restore, latency, now);
        }
        self.measured = Some(now);
        with_head_room(rate * seconds(latency) * BUFFER)
    }
}

fn with_head_room(limit: f64) -> f64 {
    limit + limit.max(0.0).sqrt()
}
