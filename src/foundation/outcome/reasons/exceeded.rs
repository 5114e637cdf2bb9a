use std::time::Duration;

/// The limit of a concurrency limit or connection pool that a request exceeded.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum Overflow {
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
