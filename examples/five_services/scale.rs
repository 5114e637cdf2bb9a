//! Time: how fast it runs here, and the one place that reads it.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How many times shorter the periods are here than in production.
///
/// At scale 10 a minute is 6 seconds: a policy of 20 a minute is tried as 20 in 6 seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale(u32);

impl Scale {
    /// What an argument may say: from true length to a second's breaker rest.
    pub(crate) const RANGE: std::ops::RangeInclusive<u32> = 1..=20;

    pub(crate) const fn new(factor: u32) -> Self {
        Self(factor)
    }

    pub(crate) const fn factor(self) -> u32 {
        self.0
    }

    /// Returns what `seconds` of production last here.
    pub(crate) fn seconds(self, seconds: u32) -> Duration {
        Duration::from_secs(seconds.into()) / self.0
    }

    /// Returns what a minute of production lasts here.
    pub(crate) fn minute(self) -> Duration {
        self.seconds(60)
    }
}

impl Default for Scale {
    fn default() -> Self {
        Self(12)
    }
}

/// Returns the current instant.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place of the example"
)]
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Returns an instant that all others are counted from.
pub(crate) fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(now)
}
