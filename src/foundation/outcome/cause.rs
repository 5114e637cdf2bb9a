use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use http::Response;

use super::DnsFailure;

/// Fact behind a [`Rejection`](super::Rejection): what went wrong before, for callers that come later.
///
/// The answer carries it in its extensions, beside the rejection; [`Cause::of`] finds it there. A mesh
/// adds it to "no healthy upstream".
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cause {
    /// The last connection could not be made: all that was said of it, such as an expired certificate.
    Connection(Arc<str>),
    /// A name of the destination could not be resolved.
    Name(DnsFailure),
}

impl Cause {
    /// Returns what is behind the rejection that `response` stands for, if that is known.
    #[must_use]
    pub fn of<B>(response: &Response<B>) -> Option<&Self> {
        response.extensions().get()
    }
}

impl Display for Cause {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(text) => f.write_str(text),
            Self::Name(reason) => write!(f, "name not resolved: {reason}"),
        }
    }
}
