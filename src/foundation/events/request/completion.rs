use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use http::StatusCode;

use crate::foundation::endpoints::Endpoint;
use crate::foundation::http::GrpcStatus;
use crate::foundation::outcome::{Outcome, Rejection};

/// Result of a request with all its attempts, or of one attempt, at the end of its response body.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Completion {
    /// Time from the call to the end of the body, waits included.
    pub duration: Duration,
    /// Endpoint of the attempt, or of the request's last attempt; none if none was chosen.
    pub endpoint: Option<Endpoint>,
    /// True for a gRPC request.
    pub is_grpc: bool,
    /// Outcome; a body that broke off is a failure.
    pub outcome: Outcome,
    /// Rejection by a policy of this crate, if that was the response.
    pub rejection: Option<Rejection>,
    /// Number of the retry, 0 for the first attempt; for a request, the number of its retries.
    pub retries: u32,
    /// HTTP status of the response; none if there was none.
    pub status: Option<StatusCode>,
}

impl Completion {
    /// Returns the status of a gRPC response, if it had one.
    #[must_use]
    pub const fn grpc_status(&self) -> Option<GrpcStatus> {
        match (self.outcome, self.rejection) {
            (Outcome::Grpc(status), _) => Some(status),
            (_, Some(rejection)) if self.is_grpc => Some(rejection.grpc_status()),
            _ => None,
        }
    }
}

/// Writes for instance `200 in 12.5ms`, or `timeout in 1s` without a response.
impl Display for Completion {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.outcome, self.status) {
            (Outcome::Abandoned, _) => f.write_str("abandoned")?,
            (Outcome::Grpc(status), _) => write!(f, "grpc-status {}", status.code())?,
            (Outcome::Status(status), None) | (_, Some(status)) => {
                write!(f, "{}", status.as_u16())?;
            }
            (Outcome::Failed(failure), None) => f.write_str(failure.name())?,
            (Outcome::Rejected, None) => f.write_str("rejected")?,
        }
        write!(f, " in {:?}", self.duration)
    }
}
