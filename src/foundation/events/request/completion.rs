use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::uri::Authority;

use crate::foundation::endpoints::Endpoint;
use crate::foundation::http::GrpcStatus;
use crate::foundation::outcome::{Outcome, Rejection, ResponseFlags, WorkloadMetadata};

/// Result of a request with all its attempts, or of one attempt, at the end of its response body.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Completion {
    /// Authority of an outgoing request whose source names no host.
    pub authority: Option<Authority>,
    /// Time from the call to the end of the body, waits included.
    pub duration: Duration,
    /// Endpoint of the attempt, or of the request's last attempt; none if none was chosen.
    pub endpoint: Option<Endpoint>,
    /// Envoy's response flags.
    pub flags: ResponseFlags,
    /// True for a gRPC request.
    pub is_grpc: bool,
    /// True for a served request; false for a call and its attempts, and for what a gateway sends on.
    pub is_served: bool,
    /// Outcome; a body that broke off is a failure.
    pub outcome: Outcome,
    /// Workload at the other end, as it named itself: the caller of a served request, or the one that answered. None
    /// unless a mesh exchanges these names.
    pub peer: Option<Arc<WorkloadMetadata>>,
    /// Rejection by a policy of this crate, if that was the response.
    pub rejection: Option<Rejection>,
    /// Bytes of the request: its head in the form of HTTP/1.1, and the body's length as far as it is declared.
    pub request_bytes: u64,
    /// Bytes of the response: its head in the form of HTTP/1.1, and the body as far as it was read.
    pub response_bytes: u64,
    /// Number of messages in the response of a gRPC call; 0 for other requests.
    pub response_messages: u64,
    /// Number of the retry, 0 for the first attempt; for a request, the number of its retries.
    pub retries: u32,
    /// HTTP status of the response; none if there was none.
    pub status: Option<StatusCode>,
    /// Id of its trace, if that is sampled.
    pub trace_id: Option<u128>,
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
