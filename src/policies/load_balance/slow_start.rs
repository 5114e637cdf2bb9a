#[cfg(feature = "serde")]
mod config;

use std::time::Duration;

use crate::foundation::sync::Percent;

/// Gradual increase of the share of an endpoint that is new, or back from an ejection.
///
/// Its weight is multiplied by `max(min_weight, (time / window) ^ (1 / aggression))`, Envoy's
/// formula. Endpoints of the initial set have their full share at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowStart {
    aggression: f64,
    min_weight: Percent,
    window: Duration,
}

impl SlowStart {
    /// Slow start over 10 s, the same time as the circuit breaker's gradual recovery.
    pub const DEFAULT: Self = Self::over(Duration::from_secs(10));

    /// Raises the share linearly from 10 % over this time; 0 switches the slow start off.
    #[must_use]
    pub const fn over(window: Duration) -> Self {
        Self {
            aggression: 1.0,
            min_weight: Percent::new(10),
            window,
        }
    }

    /// Gives an endpoint its full share at once.
    #[must_use]
    pub const fn off() -> Self {
        Self::over(Duration::ZERO)
    }

    /// Sets the initial steepness of the increase. The default is 1, linear; 2 is the square root,
    /// which begins steeply. Values not above 0 become 1.
    #[must_use]
    pub const fn with_aggression(mut self, aggression: f64) -> Self {
        self.aggression = if aggression > 0.0 { aggression } else { 1.0 };
        self
    }

    /// Sets the initial share. The default is 10 %, Envoy's; with 0 the endpoint gets no request in
    /// the first moment.
    #[must_use]
    pub const fn with_min_weight(mut self, percent: Percent) -> Self {
        self.min_weight = percent;
        self
    }

    pub(super) const fn window(&self) -> Duration {
        self.window
    }

    /// Returns the settings beside the window that are not the defaults, by their names in Istio.
    #[cfg(feature = "istio")]
    pub(super) fn settings(self) -> impl Iterator<Item = (&'static str, String)> {
        let default = Self::over(self.window);
        let least = (self.min_weight != default.min_weight)
            .then(|| ("minimumPercent", self.min_weight.to_string()));
        let steep = (self.aggression.total_cmp(&default.aggression).is_ne())
            .then(|| ("aggression", self.aggression.to_string()));
        least.into_iter().chain(steep)
    }

    /// Returns the fraction of its weight that an endpoint has after this time.
    pub(super) fn part(&self, time: Duration) -> f64 {
        if time >= self.window {
            return 1.0;
        }
        let bypass = time.as_secs_f64() / self.window.as_secs_f64();
        #[expect(clippy::float_cmp, reason = "the default, as it was written")]
        let part = if self.aggression == 1.0 {
            bypass
        } else {
            bypass.powf(self.aggression.recip())
        };
        part.max(f64::from(self.min_weight.millionths()) / 1e6)
    }
}

impl Default for SlowStart {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_share_rises_as_envoys_does() {
        let line = SlowStart::over(10 * SECOND);
        let steep = line.with_aggression(2.0);
        for (slow, seconds, expected) in [
            (line, 0, 0.1),
            (line, 5, 0.5),
            (line, 10, 1.0),
            (line, 11, 1.0),
            (steep, 1, 0.1_f64.sqrt()),
            (steep, 4, 0.4_f64.sqrt()),
            (SlowStart::off(), 0, 1.0),
        ] {
            let part = slow.part(seconds * SECOND);
            assert!((part - expected).abs() < 1e-9, "{slow:?} {seconds}: {part}");
        }
    }
}
