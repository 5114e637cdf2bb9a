use std::any::Any;
use std::error::Error;
use std::io;
use std::sync::Arc;

use super::{Failure, foreign};
use crate::foundation::outcome::{Elapsed, Outcome, Rejection};

/// The evidence of one error in a chain of sources.
pub(super) enum ErrorHint {
    /// The error occurred while connecting; its sources may be more specific.
    #[cfg_attr(
        not(feature = "hyper"),
        expect(dead_code, reason = "only errors of other crates are classified so")
    )]
    Connecting,
    /// The error is this failure.
    Is(Failure),
}

/// Returns an error of an unknown type as `dyn Error`, if it is one of the known types.
pub(super) fn as_error<E: 'static>(error: &E) -> Option<&(dyn Error + 'static)> {
    let error: &dyn Any = error;
    if let Some(error) = error.downcast_ref::<Box<dyn Error + Send + Sync>>() {
        return Some(&**error);
    }
    if let Some(error) = error.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        return Some(&**error);
    }
    if let Some(error) = error.downcast_ref::<Box<dyn Error>>() {
        return Some(&**error);
    }
    known::<io::Error>(error)
        // Without a boxed `dyn Error`, only listed types can be inspected: `Any` knows exact types
        // alone.
        .or_else(|| known::<Elapsed>(error))
        .or_else(|| known::<Rejection>(error))
        .or_else(|| known::<tokio::time::error::Elapsed>(error))
        .or_else(|| foreign::as_error(error))
}

/// Returns `error` as `dyn Error` if it is an `E`.
pub(super) fn known<E: Error + 'static>(error: &dyn Any) -> Option<&(dyn Error + 'static)> {
    error.downcast_ref::<E>().map(|error| error as _)
}

/// Recognises the failure in `error` and its sources: the first that says something decides.
///
/// Only that the request's own body broke off is looked for first: what broke it may look like a failure
/// of the upstream, and what wraps it reads all of its sources.
pub(super) fn read(error: &(dyn Error + 'static)) -> Failure {
    if all(error).any(foreign::is_request_body) {
        return Failure::RequestBody;
    }
    let mut connecting = false;
    for error in all(error) {
        match hint(error, connecting) {
            Some(ErrorHint::Connecting) => connecting = true,
            Some(ErrorHint::Is(failure)) => return failure,
            None => {}
        }
    }
    if connecting {
        Failure::Connect
    } else {
        Failure::Other
    }
}

/// Finds an outcome other than a failure in `error` and its sources: a rejection of this crate, or
/// a status that a client turned into an error.
pub(super) fn fact(error: &(dyn Error + 'static)) -> Option<Outcome> {
    all(error).find_map(|error| match error.downcast_ref::<Rejection>() {
        Some(rejection) => Some(rejection.outcome()),
        None => foreign::fact(error),
    })
}

/// Says that `error` is about a connection that was not made in time.
#[cfg(feature = "istio")]
pub(super) fn is_connect_timeout(error: &(dyn Error + 'static)) -> bool {
    let is_late = |error: &(dyn Error + 'static)| {
        let io = error.downcast_ref::<io::Error>();
        io.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
            || error.is::<tokio::time::error::Elapsed>()
            || foreign::is_late(error)
    };
    read(error) == Failure::Connect && all(error).any(is_late)
}

fn hint(error: &(dyn Error + 'static), connecting: bool) -> Option<ErrorHint> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return of_io(error.kind(), connecting).map(ErrorHint::Is);
    }
    if let Some(rejection) = error.downcast_ref::<Rejection>() {
        let Outcome::Failed(failure) = rejection.outcome() else {
            return Some(ErrorHint::Is(Failure::Other));
        };
        return Some(ErrorHint::Is(failure));
    }
    if error.is::<Elapsed>() {
        return Some(ErrorHint::Is(Failure::Timeout));
    }
    // While connecting, this is the connector's own timeout, which counts as a failure to connect.
    if !connecting && error.is::<tokio::time::error::Elapsed>() {
        return Some(ErrorHint::Is(Failure::Timeout));
    }
    foreign::hint(error, connecting)
}

pub(super) fn of_io(kind: io::ErrorKind, connecting: bool) -> Option<Failure> {
    match kind {
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => Some(Failure::Connect),
        // TCP reports none of these before it is established, so the TLS handshake on top of it
        // did.
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof if connecting => {
            Some(Failure::Tls)
        }
        _ if connecting => None,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Some(Failure::Reset),
        io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => Some(Failure::Closed),
        io::ErrorKind::TimedOut => Some(Failure::Timeout),
        _ => None,
    }
}

/// Returns `error` and all its sources.
fn all<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| source(error))
}

/// Returns the next error of the chain. One inside an `io::Error` is passed over by its `source`.
fn source<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let inner = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match inner {
        Some(inner) => Some(inner as _),
        None => error.source(),
    }
}
