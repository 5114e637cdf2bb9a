use std::time::Duration;

/// The error with which a response body breaks off when its time is over.
///
/// The timeout layer makes it, and every layer around recognises it as [`Failure::Timeout`].
///
/// [`Failure::Timeout`]: crate::Failure::Timeout
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum Elapsed {
    /// No frame came for this long.
    #[error("no part of the response for {0:?}")]
    Idle(Duration),
    /// The response had not ended this long after the request was sent.
    #[error("response not complete within {0:?}")]
    Total(Duration),
}
