use std::time::Duration;

use crate::foundation::sync::Percent;

/// The reason why a failed request is not retried.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum RetryStopReason {
    /// The maximum number of attempts was made.
    #[error("limit of {0} retries reached")]
    Attempts(u32),
    /// More of the request body was read than is buffered for a replay, or the body failed.
    #[error("the request body cannot be replayed within {0} bytes")]
    Body(usize),
    /// The retry budget, this percentage of the requests, is exhausted.
    #[error("retry budget of {0} exhausted")]
    Budget(Percent),
    /// The wait would end after the deadline.
    #[error("wait of {wait:?} exceeds the {left:?} left until the deadline")]
    Deadline {
        /// Time until the deadline.
        left: Duration,
        /// Wait before the next attempt.
        wait: Duration,
    },
    /// The server may have processed the request, and it is not idempotent.
    #[error("the request is not idempotent, and the server may have processed it")]
    NotIdempotent,
    /// This many retries are in flight, which is the limit.
    #[error("limit of {0} parallel retries reached")]
    Parallel(u32),
    /// The server forbade a retry (`grpc-retry-pushback-ms`).
    #[error("the server forbade a retry")]
    Pushback,
}

impl RetryStopReason {
    /// Returns the reason as a metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Attempts(_) => "attempts",
            Self::Body(_) => "body",
            Self::Budget(_) => "budget",
            Self::Deadline { .. } => "deadline",
            Self::NotIdempotent => "not_idempotent",
            Self::Parallel(_) => "parallel",
            Self::Pushback => "pushback",
        }
    }
}
