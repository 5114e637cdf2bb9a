use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// State of an adaptive limit.
///
/// Its [`Display`] explains the limit: `limit 37: p50 12ms against 9ms`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LimitState {
    /// The latency against which the algorithm compares: the minimum, or the long average of Gradient2. None before the
    /// first window, and for AIMD.
    pub baseline: Option<Duration>,
    /// Requests in flight.
    pub in_flight: u32,
    /// Median latency of the last window; none before the first.
    pub latency: Option<Duration>,
    /// The limit; 0 under a policy that is off.
    pub limit: u32,
    /// True while the limit is lowered to measure the minimum latency.
    pub probing: bool,
}

impl Display for LimitState {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "limit {}", self.limit)?;
        if let Some(latency) = self.latency {
            write!(f, ": p50 {latency:.3?}")?;
        }
        if let Some(baseline) = self.baseline {
            write!(f, " against {baseline:.3?}")?;
        }
        if self.probing {
            f.write_str(", probing")?;
        }
        Ok(())
    }
}
