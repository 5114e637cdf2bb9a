use std::time::Duration;

/// Which part of a concurrency limit or of a connection pool was full.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum Overflow {
    /// This many requests wait for a connection already.
    #[error("limit of {0} requests that wait for a connection reached")]
    Connection(u32),
    /// This many requests are in flight, and none may wait.
    #[error("in-flight limit of {0} reached")]
    InFlight(u32),
    /// This many requests wait already.
    #[error("pending limit of {0} reached")]
    Pending(u32),
    /// The request waited this long, as long as the policy or its deadline allows, and was not let in.
    #[error("not let in within {0:?}")]
    Wait(Duration),
}
