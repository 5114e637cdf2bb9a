use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use http::StatusCode;

use crate::foundation::http::GrpcStatus;

/// How a rate limit stood when it turned a request away.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct RateLimited {
    /// The status that a gRPC caller sees.
    pub grpc_status: GrpcStatus,
    /// How much the limit allows at once.
    pub limit: u64,
    /// How much of it was left, which was too little.
    pub remaining: u64,
    /// How long until more is left than nothing.
    pub reset: Duration,
    /// How long until the same request can be let in; `None` if it asks for more than the limit
    /// ever allows.
    pub retry_after: Option<Duration>,
    /// The status that a caller sees.
    pub status: StatusCode,
}

impl Display for RateLimited {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.retry_after {
            Some(wait) => write!(f, "rate limit of {} used up for {wait:?}", self.limit),
            None => write!(f, "more than the rate limit of {} ever allows", self.limit),
        }
    }
}
