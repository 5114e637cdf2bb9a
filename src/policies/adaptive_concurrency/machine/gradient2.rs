//! Netflix's Gradient2.

use super::window::{Window, seconds};

/// Windows of the long average.
const LONG: f64 = 600.0;
/// First windows, which are averaged with equal weights.
const WARM_UP: u32 = 10;
/// Factor by which a latency may exceed the long average without effect.
const TOLERANCE: f64 = 1.5;
const HEAD_ROOM: f64 = 4.0;
const SMOOTHING: f64 = 0.2;

/// The latency against its own long average.
#[derive(Debug, Default)]
pub(super) struct Gradient2 {
    /// Seconds.
    long: f64,
    windows: u32,
}

impl Gradient2 {
    pub(super) fn update(&mut self, window: &Window, limit: f64) -> f64 {
        let Some(latency) = window.latency else {
            return limit;
        };
        let short = seconds(latency);
        self.average(short);
        // After an overload the average is far above the latency, and would forget it too slowly.
        if self.long / short > 2.0 {
            self.long *= 0.95;
        }
        if window.is_idle(limit) {
            return limit;
        }
        let gradient = (TOLERANCE * self.long / short).clamp(0.5, 1.0);
        let next = limit * gradient + HEAD_ROOM;
        limit * (1.0 - SMOOTHING) + next * SMOOTHING
    }

    /// Returns the long average in seconds; 0 before the first window.
    pub(super) const fn long(&self) -> f64 {
        self.long
    }

    fn average(&mut self, short: f64) {
        self.windows = self.windows.saturating_add(1);
        let weight = if self.windows <= WARM_UP {
            1.0 / f64::from(self.windows)
        } else {
            2.0 / (LONG + 1.0)
        };
        self.long += (short - self.long) * weight;
    }
}
