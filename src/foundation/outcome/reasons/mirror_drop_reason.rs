use std::time::Duration;

use crate::foundation::outcome::Rejection;

/// Why the copy of a request was not made, or was given up.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum MirrorDropReason {
    /// The original's body was dropped before its end, or broke off.
    #[error("the original's body was not read to its end")]
    Abandoned,
    /// All copies together held this many bytes, which is the limit.
    #[error("buffer limit of {0} bytes reached")]
    BufferFull(usize),
    /// This many copies were in flight, which is the limit.
    #[error("in-flight limit of {0} reached")]
    InFlight(u32),
    /// The mirror fell further behind the original than this many bytes.
    #[error("the mirror fell more than {0} bytes behind")]
    Lagging(usize),
    /// The call was made outside of a tokio runtime.
    #[error("no tokio runtime to copy it in")]
    NoRuntime,
    /// A policy of this crate kept it from the mirror.
    #[error("refused: {0}")]
    Refused(Rejection),
    /// The layer and all its services were dropped, or the runtime shut down.
    #[error("mirroring stopped")]
    Stopped,
    /// The mirror did not answer in this time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

impl MirrorDropReason {
    /// The reason as a metric's label.
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
