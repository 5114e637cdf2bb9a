//! Netflix's Vegas.

use std::time::Duration;

use super::window::{Window, seconds};

/// After this many samples for each unit of the limit the current latency is the minimum.
const PROBE: f64 = 30.0;

/// An estimate of the queue in the upstream.
#[derive(Debug)]
pub(super) struct Vegas {
    decrease: fn(f64) -> f64,
    minimum: Option<Duration>,
    samples: f64,
    smoothing: f64,
}

impl Default for Vegas {
    fn default() -> Self {
        Self {
            decrease: |limit| limit - log10(limit),
            minimum: None,
            samples: 0.0,
            smoothing: 1.0,
        }
    }
}

impl Vegas {
    #[cfg(test)]
    pub(super) const fn with_smoothing(mut self, smoothing: f64, decrease: fn(f64) -> f64) -> Self {
        self.smoothing = smoothing;
        self.decrease = decrease;
        self
    }

    pub(super) fn update(&mut self, window: &Window, limit: f64, max: f64) -> f64 {
        let Some(latency) = window.latency else {
            return if window.overloads > 0 {
                (self.decrease)(limit)
            } else {
                limit
            };
        };
        self.samples += f64::from(window.samples);
        if self.samples >= PROBE * limit {
            (self.samples, self.minimum) = (0.0, Some(latency));
            return limit;
        }
        let Some(minimum) = self.minimum.filter(|minimum| *minimum <= latency) else {
            self.minimum = Some(latency);
            return limit;
        };
        let ratio = minimum.as_secs_f64() / seconds(latency);
        let queue = (limit * (1.0 - ratio)).ceil();
        let step = log10(limit);
        let next = if window.overloads > 0 {
            (self.decrease)(limit)
        } else if window.is_idle(limit) {
            return limit;
        } else if queue <= step {
            limit + 6.0 * step
        } else if queue < 3.0 * step {
            limit + step
        } else if queue > 6.0 * step {
            (self.decrease)(limit)
        } else {
            return limit;
        };
        let next = next.clamp(1.0, max);
        (1.0 - self.smoothing) * limit + self.smoothing * next
    }

    pub(super) const fn minimum(&self) -> Option<Duration> {
        self.minimum
    }
}

/// Returns the decimal logarithm, rounded down, and at least 1.
fn log10(limit: f64) -> f64 {
    limit.log10().floor().max(1.0)
}
