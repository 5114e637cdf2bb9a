use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use http::StatusCode;

use crate::foundation::http::GrpcStatus;

/// State of a rate limit at the moment it rejected a request.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct RateLimited {
    /// Status of the response to a gRPC caller.
    pub grpc_status: GrpcStatus,
    /// Limit in tokens, or requests, that can be used at once.
    pub limit: u64,
    /// Remaining amount, which was too little.
    pub remaining: u64,
    /// Time until some of the limit is available.
    pub reset: Duration,
    /// Time until the same request can be admitted; `None` if it costs more than the limit ever
    /// allows.
    pub retry_after: Option<Duration>,
    /// Status of the response to an HTTP caller.
    pub status: StatusCode,
}

impl Display for RateLimited {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.retry_after {
            Some(wait) => write!(f, "rate limit of {} exhausted for {wait:?}", self.limit),
            None => write!(
                f,
                "request costs more than the rate limit of {}",
                self.limit
            ),
        }
    }
}
