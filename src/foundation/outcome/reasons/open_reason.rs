use std::fmt::{self, Display, Formatter};

use crate::foundation::sync::Percent;

/// Why a circuit breaker does not let a request through.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OpenReason {
    /// So many calls failed in a row.
    ConsecutiveFailures(u32),
    /// Too large a share of the calls in the window failed.
    FailureRate {
        /// How many calls the window held.
        calls: u64,
        /// How many of them failed.
        failed: u64,
    },
    /// Somebody opened it by hand.
    Forced,
    /// The calls that were let through to try the upstream went badly.
    ProbesFailed {
        /// How many of them reported.
        calls: u32,
        /// How many of these failed.
        failed: u32,
        /// How many of these were slow.
        slow: u32,
    },
    /// As many calls as may are trying the upstream right now.
    Probing,
    /// The upstream is just back: only this share of the requests goes through.
    Recovering(Percent),
    /// Too large a share of the calls in the window was slow.
    SlowRate {
        /// How many calls the window held.
        calls: u64,
        /// How many of them were slow.
        slow: u64,
    },
}

impl OpenReason {
    /// Returns the reason's name, as a metric's label.
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
            Self::ConsecutiveFailures(failures) => write!(f, "failures in a row: {failures}"),
            Self::FailureRate { calls, failed } => write!(f, "{failed} of {calls} calls failed"),
            Self::Forced => f.write_str("opened by hand"),
            Self::ProbesFailed {
                calls,
                failed,
                slow,
            } => write!(f, "of {calls} probes {failed} failed and {slow} were slow"),
            Self::Probing => f.write_str("waiting for the result of a probe"),
            Self::Recovering(share) => write!(f, "recovering, {share} of the requests go through"),
            Self::SlowRate { calls, slow } => write!(f, "{slow} of {calls} calls were slow"),
        }
    }
}
