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
