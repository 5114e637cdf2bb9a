use std::error::Error as StdError;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use http::StatusCode;
use reqwest::Url;

use super::{BoxError, Cause, Failure, Outcome, PoolError, Rejection, Source};

/// The error of a [`Client`](crate::client::Client) request.
///
/// The causes are in the chain of [`source`](StdError::source). A message contains the URL, which
/// may hold secrets: [`without_url`](Self::without_url) removes it.
// Declared here and not in `client`, because `Failure::of` must recognise it.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The response broke off after its head.
    #[error("response from {} broke off", UrlOrUnknown(.url))]
    Body {
        /// The cause.
        source: BoxError,
        /// URL of the response.
        url: Option<Box<Url>>,
    },
    /// The request could not be built: an invalid URL or header, or a value that cannot be
    /// serialized.
    #[error("request cannot be built")]
    Builder {
        /// The cause.
        source: BoxError,
    },
    /// The response body could not be decoded.
    #[error("response from {} cannot be decoded", UrlOrUnknown(.url))]
    Decode {
        /// The cause.
        source: BoxError,
        /// URL of the response.
        url: Option<Box<Url>>,
    },
    /// A redirect was not followed.
    #[error("redirect by {} is not followed", UrlOrUnknown(.url))]
    Redirect {
        /// The cause.
        source: BoxError,
        /// URL of the redirecting response.
        url: Option<Box<Url>>,
    },
    /// A policy of this crate answered instead of the upstream.
    #[error("{}{}{}", Reason(*.rejection, .url), Attempts(*.attempts), Behind(.cause))]
    Rejected {
        /// Number of attempts, the first one included; 0 if no retry was in the stack, or another task ran it.
        attempts: u32,
        /// The fact behind it, if that is known.
        cause: Option<Cause>,
        /// Layer that rejected the request, if it has a name or a place in a mesh.
        layer: Option<Arc<Source>>,
        /// Policy that rejected the request, with its reason and the time of the next attempt.
        #[source]
        rejection: Rejection,
        /// URL of the request.
        url: Option<Box<Url>>,
    },
    /// The request got no response.
    #[error("no response from {}{}", UrlOrUnknown(.url), Attempts(*.attempts))]
    Send {
        /// Number of attempts, as for a [rejection](Self::Rejected).
        attempts: u32,
        /// Kind of failure.
        failure: Failure,
        /// Error of the service stack.
        source: BoxError,
        /// URL of the request.
        url: Option<Box<Url>>,
    },
    /// The response has a status of 400 or above, which
    /// [`error_for_status`](crate::client::Response::error_for_status) makes an error.
    #[error("{} answered {status}", UrlOrUnknown(.url))]
    Status {
        /// Status of the response.
        status: StatusCode,
        /// URL of the response.
        url: Option<Box<Url>>,
    },
}

impl Error {
    /// True if no connection could be made: connecting, TLS or name resolution failed.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(
            self.failure(),
            Some(Failure::Connect | Failure::Dns | Failure::Tls)
        )
    }

    /// True if a policy of this crate rejected the request locally.
    #[must_use]
    pub const fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected { .. })
    }

    /// True if a timeout or deadline expired: a timeout layer's, the inner client's, or the
    /// system's.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.failure() == Some(Failure::Timeout)
            || self.rejection() == Some(Rejection::DeadlineExceeded)
            // A connect timeout is classified as a failure to connect, but it is a timeout as well.
            || self.sources().any(|error| {
                let reqwest = error.downcast_ref::<reqwest::Error>();
                reqwest.is_some_and(reqwest::Error::is_timeout)
                    || matches!(error.downcast_ref(), Some(PoolError::ConnectTimeout(_)))
            })
    }

    /// Returns the kind of failure; `None` if a response arrived, or nothing was sent.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Body { source, .. } => Some(match Failure::of(source) {
                // A body error is a broken body, unless a timeout cut it off.
                Failure::Timeout => Failure::Timeout,
                _ => Failure::Body,
            }),
            Self::Rejected { rejection, .. } => match rejection.outcome() {
                Outcome::Failed(failure) => Some(failure),
                _ => None,
            },
            Self::Send { failure, .. } => Some(*failure),
            Self::Builder { .. }
            | Self::Decode { .. }
            | Self::Redirect { .. }
            | Self::Status { .. } => None,
        }
    }

    /// Returns the rejection, if a policy of this crate rejected the request.
    #[must_use]
    pub const fn rejection(&self) -> Option<Rejection> {
        match self {
            Self::Rejected { rejection, .. } => Some(*rejection),
            _ => None,
        }
    }

    /// Returns the status of the response, from the upstream or from a policy of this crate.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Rejected { rejection, .. } => Some(rejection.status()),
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns the URL of the request or response.
    #[must_use]
    pub fn url(&self) -> Option<&Url> {
        match self {
            Self::Builder { .. } => None,
            Self::Body { url, .. }
            | Self::Decode { url, .. }
            | Self::Redirect { url, .. }
            | Self::Rejected { url, .. }
            | Self::Send { url, .. }
            | Self::Status { url, .. } => url.as_deref(),
        }
    }

    /// Removes the URL, also from an inner reqwest error, for logs that must not contain it.
    #[must_use]
    pub fn without_url(mut self) -> Self {
        match &mut self {
            Self::Builder { .. } => {}
            Self::Rejected { url, .. } | Self::Status { url, .. } => *url = None,
            Self::Body { url, source }
            | Self::Decode { url, source }
            | Self::Redirect { url, source }
            | Self::Send { url, source, .. } => {
                *url = None;
                if let Some(url) = source
                    .downcast_mut::<reqwest::Error>()
                    .and_then(reqwest::Error::url_mut)
                {
                    // reqwest's own `without_url` takes the error by value, so the parts that may
                    // hold secrets are cleared in place.
                    url.set_query(None);
                    url.set_path("");
                }
            }
        }
        self
    }

    fn sources(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        std::iter::successors(self.source(), |&error| error.source())
    }

    pub(crate) fn body(source: impl Into<BoxError>, url: Option<Box<Url>>) -> Self {
        let source = source.into();
        Self::Body { source, url }
    }

    pub(crate) fn builder(source: impl Into<BoxError>) -> Self {
        let source = source.into();
        Self::Builder { source }
    }

    pub(crate) fn send(source: impl Into<BoxError>, url: Box<Url>, attempts: u32) -> Self {
        let source = source.into();
        Self::Send {
            attempts,
            failure: Failure::of(&source),
            source,
            url: Some(url),
        }
    }
}

/// Writes what happened to a rejected request.
struct Reason<'a>(Rejection, &'a Option<Box<Url>>);

impl Display for Reason<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(rejection, url) = self;
        let url = UrlOrUnknown(url);
        match rejection {
            Rejection::DeadlineExceeded => write!(f, "deadline passed before calling {url}"),
            Rejection::TimedOut(after) => write!(f, "timed out after {after:?} calling {url}"),
            _ => write!(f, "rejected calling {url}: {rejection}"),
        }
    }
}

/// Writes the number of attempts, if there was more than one.
struct Attempts(u32);

impl Display for Attempts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 | 1 => Ok(()),
            attempts => write!(f, " ({attempts} attempts)"),
        }
    }
}

/// Writes what is behind a rejection into a message.
struct Behind<'a>(&'a Option<Cause>);

impl Display for Behind<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(cause) => write!(f, " ({cause})"),
            None => Ok(()),
        }
    }
}

/// Writes a URL into a message, or what stands for one that was taken out.
struct UrlOrUnknown<'a>(&'a Option<Box<Url>>);

impl Display for UrlOrUnknown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(url) => f.write_str(url.as_str()),
            None => f.write_str("the server"),
        }
    }
}
