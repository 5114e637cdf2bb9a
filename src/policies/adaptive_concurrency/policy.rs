use std::time::Duration;

use super::Exclusion;
use crate::foundation::http::RequestHead;

/// The algorithm that finds the limit.
///
/// All of them decide once for each window of [`with_window`](AdaptiveConcurrencyPolicy::with_window), by the median
/// latency of its samples, and none raises a limit of which not even half is in use.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Algorithm {
    /// Netflix's AIMD: 1 more in a window without an overload, and 10 % less in one with an overload: a timeout, 429,
    /// 503, `RESOURCE_EXHAUSTED`, `UNAVAILABLE`. Latencies do not matter.
    Aimd,
    /// Envoy's gradient: the limit times `minimum × 1.25 / latency`, between 0.5 and 2, and its square root as
    /// head-room. The minimum latency is measured without closing the door: see the [module docs](super).
    #[default]
    Gradient,
    /// Netflix's Gradient2: the latency against its own average of 600 windows, with a tolerance of 1.5 and a head-room
    /// of 4. It follows an upstream whose latency changes for good, and a queue that stays, too.
    Gradient2,
    /// Netflix's Vegas: estimates the requests that are queued in the upstream as `limit × (1 − minimum / latency)`,
    /// and holds them between 3 and 6 times the decimal logarithm of the limit.
    Vegas,
}

impl Algorithm {
    /// Returns the name, as a label: `gradient`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aimd => "aimd",
            Self::Gradient => "gradient",
            Self::Gradient2 => "gradient2",
            Self::Vegas => "vegas",
        }
    }
}

/// Bounds and algorithm of a limit that adapts to the latency of the upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptiveConcurrencyPolicy {
    algorithm: Algorithm,
    enabled: bool,
    excluded: Option<Exclusion>,
    initial: u32,
    max: u32,
    min: u32,
    probe_interval: Duration,
    window: Duration,
}

impl Default for AdaptiveConcurrencyPolicy {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            enabled: true,
            excluded: None,
            initial: 20,
            max: 1_000,
            min: 3,
            probe_interval: Duration::from_secs(10),
            window: Duration::from_millis(100),
        }
    }
}

impl AdaptiveConcurrencyPolicy {
    /// Creates a policy that limits and measures nothing.
    #[must_use]
    pub fn off() -> Self {
        Self {
            enabled: false,
            ..Self::default()
        }
    }

    /// Sets the algorithm. The default is [`Algorithm::Gradient`].
    #[must_use]
    pub const fn with_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Excludes requests by their head: they are neither limited nor samples. The default excludes none.
    ///
    /// For streams and long polls, whose latency says nothing about the load of the upstream.
    #[must_use]
    pub fn with_excluded(
        mut self,
        is_excluded: impl Fn(RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.excluded = Some(Exclusion::new(is_excluded));
        self
    }

    /// Sets the limit until the first window ends. The default is 20, Netflix's; it is held between minimum and maximum.
    #[must_use]
    pub const fn with_initial_limit(mut self, initial: u32) -> Self {
        self.initial = initial;
        self
    }

    /// Sets the highest limit. The default is 1000, Envoy's; 0 means 1.
    #[must_use]
    pub const fn with_max_limit(mut self, max: u32) -> Self {
        self.max = max;
        self
    }

    /// Sets the lowest limit. The default is 3, Envoy's; 0 means 1, and it is at most the maximum.
    #[must_use]
    pub const fn with_min_limit(mut self, min: u32) -> Self {
        self.min = min;
        self
    }

    /// Sets the shortest time between two probes for the minimum latency, which [`Algorithm::Gradient`] makes under
    /// overload. The default is 10 s.
    #[must_use]
    pub const fn with_probe_interval(mut self, interval: Duration) -> Self {
        self.probe_interval = interval;
        self
    }

    /// Sets the length of a window. The default is 100 ms, Envoy's. A window with fewer than 10 samples goes on, to 10
    /// times its length.
    #[must_use]
    pub const fn with_window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Returns the algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the limit until the first window ends.
    #[must_use]
    pub fn initial_limit(&self) -> u32 {
        self.initial.clamp(self.min_limit(), self.max_limit())
    }

    /// Returns the highest limit.
    #[must_use]
    pub fn max_limit(&self) -> u32 {
        self.max.max(1)
    }

    /// Returns the lowest limit.
    #[must_use]
    pub fn min_limit(&self) -> u32 {
        self.min.clamp(1, self.max_limit())
    }

    /// Returns the shortest time between two probes for the minimum latency.
    #[must_use]
    pub const fn probe_interval(&self) -> Duration {
        self.probe_interval
    }

    /// Returns the length of a window.
    #[must_use]
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// Returns true if the policy limits nothing.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        !self.enabled
    }

    pub(super) fn excludes(&self, head: RequestHead<'_>) -> bool {
        self.excluded
            .as_ref()
            .is_some_and(|excluded| excluded.holds(head))
    }
}
