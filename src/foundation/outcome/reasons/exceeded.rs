//! Limits of time and of number that a call exceeded.

use std::time::Duration;

/// The error of a response body that a timeout cut off.
///
/// The timeout layer returns it, and every layer around it recognises it as [`Failure::Timeout`].
///
/// [`Failure::Timeout`]: crate::Failure::Timeout
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum Elapsed {
    /// No frame arrived for this long.
    #[error("no response data for {0:?}")]
    Idle(Duration),
    /// The response had not ended this long after the request.
    #[error("response not complete within {0:?}")]
    Total(Duration),
}

/// The limit of a concurrency limit or connection pool that a request exceeded.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum Overflow {
    /// This many requests are in flight, which is the limit of an adaptive concurrency limit at this time.
    #[error("adaptive limit of {0} reached")]
    Adaptive(u32),
    /// This many requests wait for a connection already, which is the limit.
    #[error("limit of {0} requests waiting for a connection reached")]
    Connection(u32),
    /// This many requests are in flight, and the queue has no room or is disabled.
    #[error("in-flight limit of {0} reached")]
    InFlight(u32),
    /// This many requests are queued, which is the limit.
    #[error("pending limit of {0} reached")]
    Pending(u32),
    /// The request was queued for this long, the limit of the policy or of its deadline, without
    /// being admitted.
    #[error("not admitted within {0:?}")]
    Wait(Duration),
}
