use std::error::Error as StdError;
use std::fmt::{self, Display, Formatter};

use http::StatusCode;
use reqwest::Url;

use super::{BoxError, Cause, Failure, Outcome, Rejection};

/// Why a [`Client`](crate::client::Client) has no response to hand out.
///
/// The cause is in [`source`](StdError::source), to the very first one. A message names the URL,
/// which may hold what is not for a log: [`without_url`](Self::without_url) takes it out.
// It lies here and not in `client` because `Failure::of` must know it.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The response broke off after its head.
    #[error("response from {} broke off", UrlOrUnknown(.url))]
    Body {
        /// What broke it.
        source: BoxError,
        /// Where it came from.
        url: Option<Box<Url>>,
    },
    /// The request could not be built: a bad URL or header, or a value that cannot be written.
    #[error("request cannot be built")]
    Builder {
        /// What is wrong with it.
        source: BoxError,
    },
    /// The response is not what its reader expected.
    #[error("response from {} cannot be decoded", UrlOrUnknown(.url))]
    Decode {
        /// What is wrong with it.
        source: BoxError,
        /// Where it came from.
        url: Option<Box<Url>>,
    },
    /// A redirect was not followed.
    #[error("redirect by {} is not followed", UrlOrUnknown(.url))]
    Redirect {
        /// Why not.
        source: BoxError,
        /// Where it came from.
        url: Option<Box<Url>>,
    },
    /// A policy of this crate answered instead of the upstream.
    #[error(
        "rejected by {} on the way to {}{}", .rejection.policy(), UrlOrUnknown(.url), Behind(.cause)
    )]
    Rejected {
        /// The fact behind it, if that is known.
        cause: Option<Cause>,
        /// Which policy, why, and when to come back.
        #[source]
        rejection: Rejection,
        /// Where the request was to go.
        url: Option<Box<Url>>,
    },
    /// No response came.
    #[error("no response from {}", UrlOrUnknown(.url))]
    Send {
        /// What kind of failure it was.
        failure: Failure,
        /// The error of the stack.
        source: BoxError,
        /// Where the request was to go.
        url: Option<Box<Url>>,
    },
    /// The response has a status of 400 or above, and was asked
    /// [not to](crate::client::Response::error_for_status).
    #[error("{} answered {status}", UrlOrUnknown(.url))]
    Status {
        /// The status.
        status: StatusCode,
        /// Where it came from.
        url: Option<Box<Url>>,
    },
}

impl Error {
    /// Says that nobody was there to answer: the connection, TLS or the name failed.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(
            self.failure(),
            Some(Failure::Connect | Failure::Dns | Failure::Tls)
        )
    }

    /// Says that a policy of this crate answered instead of the upstream.
    #[must_use]
    pub const fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected { .. })
    }

    /// Says that the time was up, whoever set it: a timeout layer, the client inside, or the system.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.failure() == Some(Failure::Timeout)
            || self.rejection() == Some(Rejection::DeadlineExceeded)
            // A connect timeout is a failure to connect first, and a timeout as well.
            || self.sources().any(|error| {
                let reqwest = error.downcast_ref::<reqwest::Error>();
                reqwest.is_some_and(reqwest::Error::is_timeout)
            })
    }

    /// Returns what kind of failure it was; `None` if a response came, or nothing was sent.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Body { source, .. } => Some(match Failure::of(source) {
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

    /// Returns the rejection, if a policy of this crate answered instead of the upstream.
    #[must_use]
    pub const fn rejection(&self) -> Option<Rejection> {
        match self {
            Self::Rejected { rejection, .. } => Some(*rejection),
            _ => None,
        }
    }

    /// Returns the status that was answered, by the upstream or by a policy of this crate.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Rejected { rejection, .. } => Some(rejection.status()),
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns the URL that the error is about.
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

    /// Takes the URL out, also out of the error of reqwest inside, for a log that must not hold it.
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

    pub(crate) fn send(source: impl Into<BoxError>, url: Box<Url>) -> Self {
        let source = source.into();
        Self::Send {
            failure: Failure::of(&source),
            source,
            url: Some(url),
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
