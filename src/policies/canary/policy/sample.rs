use std::time::Duration;

use crate::foundation::http::GrpcStatus;
use crate::foundation::outcome::{Failure, Outcome};

/// One finished request of a version: its outcome, and the time to its response head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sample {
    latency: Duration,
    outcome: Outcome,
}

/// Result of one check of one sample.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::policies::canary) enum Mark {
    Bad,
    Good,
    /// A clipped latency in microseconds.
    Latency(u64),
}

impl Sample {
    /// Creates a sample.
    #[must_use]
    pub fn new(outcome: impl Into<Outcome>, latency: Duration) -> Self {
        Self {
            latency,
            outcome: outcome.into(),
        }
    }

    /// Returns the time to the response head, or to the failure.
    #[must_use]
    pub const fn latency(&self) -> Duration {
        self.latency
    }

    /// Returns the outcome.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Says whether the version served the request, or `None` where the outcome says nothing of it.
    pub(in crate::policies::canary) fn served(self) -> Option<bool> {
        match self.outcome {
            // The request never reached the version, or its caller broke it off.
            Outcome::Abandoned | Outcome::Rejected | Outcome::Failed(Failure::RequestBody) => None,
            Outcome::Failed(_) => Some(false),
            Outcome::Grpc(status) => Some(!is_server_error(status)),
            Outcome::Status(status) => Some(!status.is_server_error()),
        }
    }
}

/// Says whether a gRPC status is the server's fault, by the list of OpenTelemetry's RPC conventions.
const fn is_server_error(status: GrpcStatus) -> bool {
    matches!(
        status,
        GrpcStatus::UNKNOWN
            | GrpcStatus::DEADLINE_EXCEEDED
            | GrpcStatus::UNIMPLEMENTED
            | GrpcStatus::INTERNAL
            | GrpcStatus::UNAVAILABLE
            | GrpcStatus::DATA_LOSS
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_servers_own_faults_count() {
        let served = |outcome: Outcome| Sample::new(outcome, Duration::ZERO).served();
        assert_eq!(served(Outcome::SUCCESS), Some(true));
        assert_eq!(served(GrpcStatus::NOT_FOUND.into()), Some(true));
        assert_eq!(served(GrpcStatus::UNAVAILABLE.into()), Some(false));
        assert_eq!(served(Failure::Connect.into()), Some(false));
        assert_eq!(served(Failure::RequestBody.into()), None);
        assert_eq!(served(Outcome::Abandoned), None);
        assert_eq!(served(Outcome::Rejected), None);
    }
}
