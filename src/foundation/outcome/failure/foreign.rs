//! Classification of other crates' errors, each by its feature.

use std::any::Any;
use std::error::Error;

use super::Failure;
use super::chain::{ErrorHint, known};
use crate::foundation::outcome::{Outcome, PoolError};

pub(super) fn as_error(error: &dyn Any) -> Option<&(dyn Error + 'static)> {
    let found = known::<hyper::Error>(error)
        .or_else(|| known::<hyper_util::client::legacy::Error>(error))
        .or_else(|| known::<h2::Error>(error))
        .or_else(|| known::<PoolError>(error));
    #[cfg(feature = "reqwest")]
    let found = found
        .or_else(|| known::<reqwest::Error>(error))
        .or_else(|| known::<crate::foundation::outcome::ClientError>(error));
    #[cfg(feature = "tonic")]
    let found = found
        .or_else(|| known::<tonic::transport::Error>(error))
        .or_else(|| known::<tonic::Status>(error));
    found
}

pub(super) fn hint(error: &(dyn Error + 'static), connecting: bool) -> Option<ErrorHint> {
    if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
        return error.is_connect().then_some(ErrorHint::Connecting);
    }
    if let Some(error) = error.downcast_ref::<PoolError>() {
        if matches!(error, PoolError::NoTls) {
            return Some(ErrorHint::Is(Failure::Tls));
        }
        return error.is_connect().then_some(ErrorHint::Connecting);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return of_hyper(error).map(ErrorHint::Is);
    }
    if let Some(error) = error.downcast_ref::<h2::Error>() {
        return of_h2(error).map(ErrorHint::Is);
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        return of_reqwest(error).map(ErrorHint::Is);
    }
    #[cfg(feature = "tonic")]
    if error.is::<tonic::ConnectError>() {
        return Some(ErrorHint::Connecting);
    }
    #[cfg(feature = "tonic")]
    if error.is::<tonic::TimeoutExpired>() {
        return Some(ErrorHint::Is(Failure::Timeout));
    }
    // The DNS error type of hyper-util is not public, so its message is compared.
    (connecting && error.to_string() == "dns error").then_some(ErrorHint::Is(Failure::Dns))
}

/// Says that an error is about the request's own body, which its caller did not send to the end.
pub(super) fn is_request_body(error: &(dyn Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        // Of its user's errors, only one of a body has a source.
        return error.is_user() && error.source().is_some();
    }
    // Over HTTP/2 hyper resets the stream, and only that is heard of.
    let reset = error.downcast_ref::<h2::Error>();
    reset.is_some_and(|error| error.is_reset() && !error.is_remote() && !error.is_library())
}

/// Says that an error, or one of its sources, is about a time that ran out.
#[cfg(feature = "istio")]
pub(super) fn is_late(error: &(dyn Error + 'static)) -> bool {
    #[cfg(feature = "reqwest")]
    if error.downcast_ref().is_some_and(reqwest::Error::is_timeout) {
        return true;
    }
    matches!(error.downcast_ref(), Some(PoolError::ConnectTimeout(_)))
}

/// Returns the answer that a client made an error of.
#[cfg_attr(
    not(any(feature = "reqwest", feature = "tonic")),
    expect(unused_variables, reason = "hyper turns no status into an error")
)]
pub(super) fn fact(error: &(dyn Error + 'static)) -> Option<Outcome> {
    #[cfg(feature = "reqwest")]
    {
        let own = match error.downcast_ref() {
            Some(crate::foundation::outcome::ClientError::Status { status, .. }) => Some(*status),
            _ => None,
        };
        let theirs = error.downcast_ref::<reqwest::Error>();
        if let Some(status) = own.or_else(|| theirs.and_then(reqwest::Error::status)) {
            return Some(Outcome::Status(status));
        }
    }
    #[cfg(feature = "tonic")]
    if let Some(status) = error.downcast_ref::<tonic::Status>() {
        let code = u8::try_from(i32::from(status.code())).unwrap_or(u8::MAX);
        return Some(Outcome::Grpc(crate::foundation::http::GrpcStatus::new(
            code,
        )));
    }
    None
}

fn of_hyper(error: &hyper::Error) -> Option<Failure> {
    if error.is_canceled() || error.is_closed() {
        // hyper reports a cancellation only for a request that it has not begun to write.
        Some(Failure::NotSent)
    } else if error.is_incomplete_message() {
        Some(Failure::Closed)
    } else if error.is_timeout() {
        Some(Failure::Timeout)
    } else if error.is_user() {
        // A request that cannot be sent as it is, say.
        Some(Failure::Other)
    } else {
        None
    }
}

fn of_h2(error: &h2::Error) -> Option<Failure> {
    if let Some(error) = error.get_io() {
        return super::chain::of_io(error.kind(), false);
    }
    // h2 fails a stream with the peer's GOAWAY only if that excludes the stream, and by RFC 9113
    // 6.8 such a stream was not processed. Streams that it includes end with the connection.
    let left_out = error.is_go_away() && error.is_remote();
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    if left_out || (refused && error.is_remote()) {
        Some(Failure::RefusedStream)
    } else if error.is_reset() {
        Some(Failure::Reset)
    } else {
        None
    }
}

#[cfg(feature = "reqwest")]
fn of_reqwest(error: &reqwest::Error) -> Option<Failure> {
    if error.is_dns() {
        Some(Failure::Dns)
    } else if error.is_timeout() && !error.is_connect() {
        Some(Failure::Timeout)
    } else {
        None
    }
}
