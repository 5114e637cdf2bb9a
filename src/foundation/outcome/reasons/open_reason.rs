use std::fmt::{self, Display, Formatter};

use crate::foundation::sync::Percent;

/// The reason why a circuit breaker rejects requests.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OpenReason {
    /// This many consecutive calls failed.
    ConsecutiveFailures(u32),
    /// The failure rate of the window reached its threshold.
    FailureRate {
        /// Number of calls in the window.
        calls: u64,
        /// Number of failed calls.
        failed: u64,
    },
    /// The circuit breaker was opened by hand.
    Forced,
    /// The probes that tested the upstream failed or were slow.
    ProbesFailed {
        /// Number of probes that completed.
        calls: u32,
        /// Number of failed probes.
        failed: u32,
        /// Number of slow probes.
        slow: u32,
    },
    /// The maximum number of probes is in flight.
    Probing,
    /// The upstream is recovering: only this share of the requests is admitted.
    Recovering(Percent),
    /// The slow-call rate of the window reached its threshold.
    SlowRate {
        /// Number of calls in the window.
        calls: u64,
        /// Number of slow calls.
        slow: u64,
    },
}

impl OpenReason {
    /// Returns the reason as a metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::ConsecutiveFailures(_) => "consecutive_failures",
            Self::FailureRate { .. } => "failure_rate",
            Self::Forced => "forced",
            Self::ProbesFailed { .. } => "probes_failed",
            Self::Probing => "probing",
            Self::Recovering(_) => "recovering",
            Self::SlowRate { .. } => "slow_rate",
        }
    }
}

impl Display for OpenReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConsecutiveFailures(failures) => write!(f, "consecutive failures: {failures}"),
            Self::FailureRate { calls, failed } => write!(f, "{failed} of {calls} calls failed"),
            Self::Forced => f.write_str("opened by hand"),
            Self::ProbesFailed {
                calls,
                failed,
                slow,
            } => write!(f, "{failed} of {calls} probes failed and {slow} were slow"),
            Self::Probing => f.write_str("waiting for the result of a probe"),
            Self::Recovering(share) => {
                write!(f, "recovering, {share} of the requests are admitted")
            }
            Self::SlowRate { calls, slow } => write!(f, "{slow} of {calls} calls were slow"),
        }
    }
}
