mod chain;
#[cfg(feature = "hyper")]
mod foreign;
#[cfg(not(feature = "hyper"))]
#[path = "failure/no_foreign.rs"]
mod foreign;

use std::any::Any;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use super::Outcome;

/// The reason why an attempt has no complete response.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Failure {
    /// The response broke off after its head.
    Body,
    /// The connection ended before the response's head; the server may have seen the request.
    Closed,
    /// The connection could not be made: refused, unreachable, or timed out.
    Connect,
    /// The host's name could not be resolved.
    Dns,
    /// The connection was gone before the request was written to it.
    NotSent,
    /// Every other error.
    Other,
    /// The service panicked.
    Panic,
    /// The server did not process the request (`REFUSED_STREAM`, or a `GOAWAY` that excludes it).
    RefusedStream,
    /// The request's own body broke off: its caller's failure, which says nothing of the upstream.
    RequestBody,
    /// The connection or the stream was reset before the response's head.
    Reset,
    /// No response arrived in time.
    Timeout,
    /// The TLS handshake failed.
    Tls,
}

impl Failure {
    /// Classifies an error of any type.
    ///
    /// Inspects the error and each of its sources for known types: those of `std::io`, of this
    /// crate and, by feature, of hyper, hyper-util, h2, reqwest and tonic. An error that is neither
    /// one of them nor a `Box<dyn Error>` is [`Failure::Other`]; an [`ErrorClassifier`] classifies
    /// such types.
    #[must_use]
    pub fn of<E: 'static>(error: &E) -> Self {
        chain::as_error(error).map_or(Self::Other, chain::read)
    }

    /// Says that an error is about a connection that was not made in time.
    #[cfg(feature = "istio")]
    pub(crate) fn is_connect_timeout<E: 'static>(error: &E) -> bool {
        chain::as_error(error).is_some_and(chain::is_connect_timeout)
    }

    /// Finds what an error says of an attempt beyond its failure.
    pub(crate) fn fact<E: 'static>(error: &E) -> Option<Outcome> {
        chain::as_error(error).and_then(chain::fact)
    }

    /// Returns the failure's name as a metric label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Closed => "closed",
            Self::Connect => "connect",
            Self::Dns => "dns",
            Self::NotSent => "not-sent",
            Self::Other => "other",
            Self::Panic => "panic",
            Self::RefusedStream => "refused-stream",
            Self::RequestBody => "request-body",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
        }
    }

    /// True if the server cannot have processed the request, so that a retry repeats nothing.
    #[must_use]
    pub const fn never_processed(self) -> bool {
        matches!(
            self,
            Self::Connect | Self::Dns | Self::NotSent | Self::RefusedStream | Self::Tls
        )
    }
}

/// A custom classification of errors, consulted before [`Failure::of`].
///
/// # Example
///
/// A query that finds nothing is an answer of a healthy database, and one that it cancels for its length is a
/// timeout:
///
/// ```
/// use meshless::outcome::ErrorClassifier;
/// use meshless::{Failure, Outcome};
///
/// enum DatabaseError {
///     NotFound,
///     StatementTimeout,
///     Unreachable,
/// }
///
/// let classifier = ErrorClassifier::new(|error: &DatabaseError| match error {
///     DatabaseError::NotFound => Some(Outcome::SUCCESS),
///     DatabaseError::StatementTimeout => Some(Failure::Timeout.into()),
///     DatabaseError::Unreachable => None,
/// });
/// assert_eq!(classifier.outcome(&DatabaseError::NotFound), Outcome::SUCCESS);
/// assert_eq!(classifier.outcome(&DatabaseError::Unreachable), Failure::Other.into());
/// ```
#[derive(Clone, Default)]
pub struct ErrorClassifier(Option<Classify>);

type Classify = Arc<dyn Fn(&dyn Any) -> Option<Outcome> + Send + Sync>;

impl ErrorClassifier {
    /// Creates a classifier from a function over one error type, which returns a [`Failure`] or any other
    /// [`Outcome`]; if it returns `None`, or the error has another type, [`Failure::of`] decides.
    pub fn new<E: 'static, O: Into<Outcome>>(
        classify: impl Fn(&E) -> Option<O> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(move |error| {
            classify(error.downcast_ref()?).map(Into::into)
        })))
    }

    /// Creates a classifier from a predicate over one error type: true if the upstream failed.
    ///
    /// Such an error is classified by [`Failure::of`], and so is an error of another type. For all other errors of
    /// this type the outcome is [`Outcome::SUCCESS`]: the upstream answered, as with a 404.
    pub fn failure_if<E: 'static>(is_failure: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        Self::new(move |error: &E| (!is_failure(error)).then_some(Outcome::SUCCESS))
    }

    /// Returns true if there is a function.
    #[cfg(feature = "serde")]
    pub(crate) const fn is_custom(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the outcome of a call that failed with `error`: this classifier's, or else that
    /// of [`Outcome::of_error`].
    #[must_use]
    pub fn outcome<E: 'static>(&self, error: &E) -> Outcome {
        self.own(error).unwrap_or_else(|| Outcome::of_error(error))
    }

    /// Returns the outcome of an attempt of an HTTP service that failed with `error`: this classifier's, or else
    /// the failure that [`Failure::of`] finds. Such a service returns an upstream's status as a response.
    pub(crate) fn attempt<E: 'static>(&self, error: &E) -> Outcome {
        self.own(error)
            .unwrap_or_else(|| Outcome::Failed(Failure::of(error)))
    }

    /// Returns the custom outcome, which is first: it can be more specific about the error.
    fn own<E: 'static>(&self, error: &E) -> Option<Outcome> {
        self.0.as_ref().and_then(|classify| classify(error))
    }
}

impl Debug for ErrorClassifier {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = if self.0.is_some() { "own" } else { "default" };
        f.debug_tuple("ErrorClassifier").field(&name).finish()
    }
}

/// Compares by identity: classifiers are equal if they share one function, or if neither has one.
impl PartialEq for ErrorClassifier {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}

impl Eq for ErrorClassifier {}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::io;

    use super::*;

    type BoxError = Box<dyn Error + Send + Sync>;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_failure_is_found_through_a_chain_of_sources() {
        let boxed: BoxError = Box::new(Outer(io::ErrorKind::ConnectionRefused.into()));
        assert_eq!(Failure::of(&boxed), Failure::Connect);
        assert_eq!(
            Failure::of(&io::Error::from(io::ErrorKind::BrokenPipe)),
            Failure::Closed
        );
        assert_eq!(Failure::of(&"unknown"), Failure::Other);
    }

    #[test]
    fn what_says_that_nobody_can_be_reached_is_a_failure_to_connect() {
        for (kind, failure) in [
            (io::ErrorKind::ConnectionRefused, Failure::Connect),
            (io::ErrorKind::HostUnreachable, Failure::Connect),
            (io::ErrorKind::NetworkUnreachable, Failure::Connect),
            (io::ErrorKind::ConnectionReset, Failure::Reset),
            (io::ErrorKind::UnexpectedEof, Failure::Closed),
            (io::ErrorKind::TimedOut, Failure::Timeout),
            (io::ErrorKind::InvalidData, Failure::Other),
        ] {
            assert_eq!(Failure::of(&io::Error::from(kind)), failure, "{kind:?}");
            // An error wrapped by an `io::Error` is not in its chain of sources.
            let wrapped = io::Error::other(Outer(kind.into()));
            assert_eq!(Failure::of(&wrapped), failure, "{kind:?}");
        }
    }

    #[test]
    fn the_users_own_reading_comes_first_and_leaves_other_types_alone() {
        let own =
            ErrorClassifier::new(|error: &u8| (*error == 7).then_some(Failure::RefusedStream));
        assert_eq!(own.outcome(&7_u8), Failure::RefusedStream.into());
        assert_eq!(own.attempt(&8_u8), Failure::Other.into());
        let late = io::Error::from(io::ErrorKind::TimedOut);
        assert_eq!(own.outcome(&late), Failure::Timeout.into());
        assert_eq!(own.attempt(&late), Failure::Timeout.into());
    }

    #[test]
    fn an_error_that_is_no_failure_of_the_upstream_is_a_success_and_others_are_as_ever() {
        let own = ErrorClassifier::failure_if(|error: &io::Error| {
            error.kind() != io::ErrorKind::NotFound
        });
        let missing = io::Error::from(io::ErrorKind::NotFound);
        assert_eq!(own.outcome(&missing), Outcome::SUCCESS);
        assert_eq!(own.attempt(&missing), Outcome::SUCCESS);
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(own.outcome(&reset), Failure::Reset.into());
        assert_eq!(own.outcome(&"of another type"), Failure::Other.into());
    }
}
