use std::time::Duration;

use crate::foundation::sync::Percent;

/// Why a request that failed was not tried again.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum RetryStopReason {
    /// It was tried as often as the policy allows.
    #[error("all {0} retries are used up")]
    Attempts(u32),
    /// Its body was read further than is kept for a replay, or failed by itself.
    #[error("the request body cannot be replayed within {0} bytes")]
    Body(usize),
    /// The retry budget, so many percent of the requests, is spent.
    #[error("the retry budget of {0} is spent")]
    Budget(Percent),
    /// The wait would be over after the deadline, with only this much time left.
    #[error("a wait of {wait:?} does not fit into the {left:?} that are left")]
    Deadline {
        /// The time until the deadline.
        left: Duration,
        /// The wait before the next attempt.
        wait: Duration,
    },
    /// The server may have acted on it, and repeating it might do so twice.
    #[error("the request is not idempotent, and the server may have acted on it")]
    NotIdempotent,
    /// So many retries are in flight, which is the limit.
    #[error("{0} retries in parallel are the limit")]
    Parallel(u32),
    /// The server said not to come back (`grpc-retry-pushback-ms`).
    #[error("the server asked for no retry")]
    Pushback,
}

impl RetryStopReason {
    /// The reason as a metric's label.
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
