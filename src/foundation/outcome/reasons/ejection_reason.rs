use std::fmt::{self, Display, Formatter};

/// The criterion by which an endpoint is an outlier.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum EjectionReason {
    /// It answered 500 to 599, or gave no answer, too often in a row.
    Consecutive5xx,
    /// Too many consecutive responses of 502, 503 or 504.
    ConsecutiveGatewayErrors,
    /// Too many consecutive local-origin failures: connections that failed, were reset or timed
    /// out.
    ConsecutiveLocalOriginFailures,
    /// The failure percentage is too high.
    FailurePercentage,
    /// The percentage of local-origin failures is too high.
    FailurePercentageLocalOrigin,
    /// The success rate is far below the average of the cluster.
    SuccessRate,
    /// The success rate of local-origin events is far below the average of the cluster.
    SuccessRateLocalOrigin,
}

impl EjectionReason {
    /// Returns the reason as a metric label, Envoy's name for it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Consecutive5xx => "consecutive_5xx",
            Self::ConsecutiveGatewayErrors => "consecutive_gateway_failure",
            Self::ConsecutiveLocalOriginFailures => "consecutive_local_origin_failure",
            Self::FailurePercentage => "failure_percentage",
            Self::FailurePercentageLocalOrigin => "failure_percentage_local_origin",
            Self::SuccessRate => "success_rate",
            Self::SuccessRateLocalOrigin => "success_rate_local_origin",
        }
    }
}

impl Display for EjectionReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Consecutive5xx => "answers of 500 to 599, or none, in a row",
            Self::ConsecutiveGatewayErrors => "answers of 502 to 504 in a row",
            Self::ConsecutiveLocalOriginFailures => "out of reach in a row",
            Self::FailurePercentage => "too large a share of failures",
            Self::FailurePercentageLocalOrigin => "out of reach for too large a share",
            Self::SuccessRate => "a success rate far below the others'",
            Self::SuccessRateLocalOrigin => "out of reach far more often than the others",
        })
    }
}
