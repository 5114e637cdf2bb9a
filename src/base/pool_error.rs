use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

/// Why a [`Pool`](crate::pool::Pool) has no response.
///
/// Those that wait for the same connection share its error. [`Failure::of`](super::Failure::of)
/// recognises it: all but [`Send`](Self::Send) are failures to connect, so nothing was sent.
// It lies here and not in `pool` because `Failure::of` must know it.
#[non_exhaustive]
#[derive(Clone, Debug, thiserror::Error)]
pub enum PoolError {
    /// The connection could not be made: the connector or the handshake of HTTP failed.
    #[error("connection cannot be made")]
    Connect(#[source] Arc<dyn StdError + Send + Sync>),
    /// The connection was not there within the connect timeout, which is this long.
    #[error("connection not made within {0:?}")]
    ConnectTimeout(Duration),
    /// The request's URI has no authority, so there is nobody to connect to.
    #[error("URI without an authority")]
    NoAuthority,
    /// The request was given to a connection, and no response came.
    ///
    /// It may have been sent: [`Failure::of`](super::Failure::of) tells by the source.
    #[error("no response")]
    Send(#[source] Arc<hyper::Error>),
    /// The task that made the connection is gone: the connector panicked, or the runtime stops.
    #[error("connecting was given up")]
    Stopped,
}

impl PoolError {
    /// Says that there was no connection to send the request on.
    #[must_use]
    pub const fn is_connect(&self) -> bool {
        matches!(
            self,
            Self::Connect(_) | Self::ConnectTimeout(_) | Self::Stopped
        )
    }
}
