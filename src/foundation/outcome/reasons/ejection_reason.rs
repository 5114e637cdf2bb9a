use std::fmt::{self, Display, Formatter};

/// Why an endpoint was found to be an outlier.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum EjectionReason {
    /// It answered 500 to 599, or gave no answer, too often in a row.
    Consecutive5xx,
    /// It answered 502, 503 or 504 too often in a row.
    ConsecutiveGatewayErrors,
    /// It could not be reached too often in a row.
    ConsecutiveLocalOriginFailures,
    /// It failed too large a share of its requests.
    FailurePercentage,
    /// It could not be reached for too large a share of its requests.
    FailurePercentageLocalOrigin,
    /// It succeeded far less often than the others.
    SuccessRate,
    /// It could be reached far less often than the others.
    SuccessRateLocalOrigin,
}

impl EjectionReason {
    /// The reason as a metric's label, which is Envoy's.
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
