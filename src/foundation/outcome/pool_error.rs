use std::error::Error as StdError;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::time::Duration;

/// Why a [`Pool`](crate::pool::Pool) has no response.
///
/// Requests that wait for the same connection share its error. [`Failure::of`](super::Failure::of)
/// classifies it; for every variant but [`Send`](Self::Send), nothing was sent.
// Declared here and not in `pool`, because `Failure::of` must recognise it.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum PoolError {
    /// The connection failed: the connector or the HTTP handshake returned an error.
    Connect(Arc<dyn StdError + Send + Sync>),
    /// The connection was not established within the connect timeout, which is this long.
    ConnectTimeout(Duration),
    /// The scheme is `https`, and the crate was built without a feature for TLS: enable `rustls`.
    NoTls,
    /// The request's URI has no authority, so there is no address to connect to.
    NoAuthority,
    /// The request was assigned to a connection, and no response arrived.
    ///
    /// It may have been sent: [`Failure::of`](super::Failure::of) decides by the source.
    Send(Arc<hyper::Error>),
    /// The task that establishes the connection is gone: the connector panicked, or the runtime
    /// shuts down.
    Stopped,
}

impl PoolError {
    /// True if there was no connection to send the request on.
    #[must_use]
    pub const fn is_connect(&self) -> bool {
        matches!(
            self,
            Self::Connect(_) | Self::ConnectTimeout(_) | Self::NoTls | Self::Stopped
        )
    }
}

#[cfg(all(feature = "istio", feature = "reqwest"))]
impl PoolError {
    /// Returns its message and those of its sources, each that says something new.
    pub(crate) fn with_sources(&self) -> String {
        let mut text = self.to_string();
        let mut next = self.source();
        while let Some(error) = next {
            let message = error.to_string();
            if !text.contains(&message) {
                text.push_str(": ");
                text.push_str(&message);
            }
            next = error.source();
        }
        text
    }
}

impl Display for PoolError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(_) => f.write_str("connection failed"),
            Self::ConnectTimeout(limit) => write!(f, "connection not established within {limit:?}"),
            Self::NoTls => {
                f.write_str("no TLS for `https`: enable the feature `rustls` of meshless")
            }
            Self::NoAuthority => f.write_str("URI without an authority"),
            Self::Send(_) => f.write_str("no response"),
            Self::Stopped => f.write_str("connection attempt cancelled"),
        }
    }
}

// Implemented by hand: a derived `source` would return the `Arc`, which hides the inner error's
// type from a downcast.
impl StdError for PoolError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Connect(source) => Some(&**source),
            Self::Send(source) => Some(&**source),
            Self::ConnectTimeout(_) | Self::NoAuthority | Self::NoTls | Self::Stopped => None,
        }
    }
}
