use std::time::Duration;

use crate::foundation::outcome::Rejection;

/// The reason why the mirrored copy of a request was not sent, or was cancelled.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum MirrorDropReason {
    /// The original's body was dropped before its end, or failed.
    #[error("the original request's body was not read to its end")]
    Abandoned,
    /// All copies together buffered this many bytes, which is the limit.
    #[error("buffer limit of {0} bytes reached")]
    BufferFull(usize),
    /// This many copies were in flight, which is the limit.
    #[error("in-flight limit of {0} reached")]
    InFlight(u32),
    /// The mirror was more than this many bytes behind the original.
    #[error("the mirror was more than {0} bytes behind")]
    Lagging(usize),
    /// The call was made outside a tokio runtime.
    #[error("no tokio runtime for the copy")]
    NoRuntime,
    /// A policy of this crate rejected the copy.
    #[error("rejected: {0}")]
    Refused(Rejection),
    /// The layer and all its services were dropped, or the runtime shut down.
    #[error("mirroring stopped")]
    Stopped,
    /// The mirror did not respond within this time.
    #[error("no response within {0:?}")]
    TimedOut(Duration),
}

impl MirrorDropReason {
    /// Returns the reason as a metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Abandoned => "abandoned",
            Self::BufferFull(_) => "buffer_full",
            Self::InFlight(_) => "in_flight",
            Self::Lagging(_) => "lagging",
            Self::NoRuntime => "no_runtime",
            Self::Refused(_) => "refused",
            Self::Stopped => "stopped",
            Self::TimedOut(_) => "timed_out",
        }
    }
}
