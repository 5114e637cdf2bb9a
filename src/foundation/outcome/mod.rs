pub(crate) mod attempts;
pub(crate) mod cancellation;
pub(crate) mod cause;
#[cfg(feature = "reqwest")]
pub(crate) mod client_error;
#[cfg(all(feature = "axum", feature = "reqwest"))]
mod client_error_response;
pub(crate) mod deny_reason;
pub(crate) mod error_details;
pub(crate) mod failure;
#[cfg(feature = "jwt")]
pub(crate) mod jwt_status;
pub(crate) mod local_reply;
#[cfg(feature = "hyper")]
pub(crate) mod pool_error;
pub(crate) mod reasons;
pub(crate) mod rejection;
pub(crate) mod response_flags;
pub(crate) mod source;
pub(crate) mod workload_metadata;

pub use cause::Cause;
#[cfg(feature = "reqwest")]
pub use client_error::Error as ClientError;
pub use deny_reason::DenyReason;
pub use failure::ErrorClassifier;
pub use failure::Failure;
#[cfg(feature = "jwt")]
pub use jwt_status::JwtStatus;
pub use local_reply::LocalReplyBody;
#[cfg(feature = "hyper")]
pub use pool_error::PoolError;
pub use reasons::dns_failure::DnsFailure;
pub use reasons::ejection_reason::EjectionReason;
pub use reasons::exceeded::{Elapsed, Overflow};
pub use reasons::mirror_drop_reason::MirrorDropReason;
pub use reasons::open_reason::OpenReason;
pub use reasons::rate_limited::RateLimited;
pub use reasons::reset_reason::ResetReason;
pub use reasons::retry_stop_reason::RetryStopReason;
pub use rejection::Rejection;
pub use response_flags::ResponseFlags;
pub use source::{Direction, Origin, Source};
pub use workload_metadata::WorkloadMetadata;

/// An error of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

use http::{Response, StatusCode};

use crate::foundation::http::{GrpcStatus, grpc};

/// The result of one attempt, before any policy has judged it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Outcome {
    /// The caller cancelled the attempt before it ended.
    ///
    /// A call that a timeout of this crate cuts off is not abandoned: for the inner layers it is
    /// [`Failure::Timeout`], as in Envoy, unless the caller's own deadline was the shorter limit.
    Abandoned,
    /// No complete response arrived.
    Failed(Failure),
    /// A gRPC call ended with this status.
    Grpc(GrpcStatus),
    /// A policy of this crate rejected the request; the upstream did not receive it.
    Rejected,
    /// A response head arrived with this status.
    Status(StatusCode),
}

impl Outcome {
    /// The outcome of a successful call without a status, such as one that is not HTTP: that of a healthy
    /// upstream.
    pub const SUCCESS: Self = Self::Status(StatusCode::OK);

    /// Classifies a response by its head; `None` for a gRPC response whose status comes with its
    /// trailers.
    #[must_use]
    pub fn of_response<R>(response: &Response<R>) -> Option<Self> {
        if let Some(rejection) = Rejection::of(response) {
            // A local reply has a status, too, but the upstream did not send it.
            return Some(rejection.outcome());
        }
        let status = response.status();
        if status == StatusCode::OK && grpc::is_grpc(response.headers()) {
            // With another HTTP status there is no gRPC response, whatever its content type is.
            return GrpcStatus::from_headers(response.headers()).map(Self::Grpc);
        }
        Some(Self::Status(status))
    }

    /// Classifies an error of any type.
    ///
    /// Usually the failure that [`Failure::of`] finds. An error may also carry a response: a
    /// [`Rejection`] of this crate, the status of reqwest's `error_for_status`, or tonic's
    /// `Status`.
    #[must_use]
    pub fn of_error<E: 'static>(error: &E) -> Self {
        match Failure::of(error) {
            // The search for a status costs a second walk, so it is left to unknown errors.
            Failure::Other => Failure::fact(error).unwrap_or(Self::Failed(Failure::Other)),
            failure => Self::Failed(failure),
        }
    }

    /// True if the attempt succeeded: an HTTP status below 400, or gRPC's `OK`.
    #[must_use]
    pub fn is_success(self) -> bool {
        match self {
            Self::Status(status) => status.as_u16() < 400,
            Self::Grpc(status) => status == GrpcStatus::OK,
            Self::Abandoned | Self::Failed(_) | Self::Rejected => false,
        }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<GrpcStatus> for Outcome {
    fn from(status: GrpcStatus) -> Self {
        Self::Grpc(status)
    }
}

impl From<StatusCode> for Outcome {
    fn from(status: StatusCode) -> Self {
        Self::Status(status)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::foundation::outcome::BoxError;

    #[test]
    fn an_answer_in_the_shape_of_an_error_is_still_an_answer() {
        let refused: BoxError = Box::new(Rejection::NoRoute);
        assert_eq!(Outcome::of_error(&refused), Outcome::Rejected);
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(Outcome::of_error(&reset), Outcome::Failed(Failure::Reset));
        assert_eq!(
            Outcome::of_error(&"unknown"),
            Outcome::Failed(Failure::Other)
        );
        #[cfg(feature = "tonic")]
        assert_eq!(
            Outcome::of_error(&tonic::Status::not_found("no user")),
            Outcome::Grpc(GrpcStatus::NOT_FOUND)
        );
        #[cfg(feature = "reqwest")]
        {
            let mut response = Response::new("");
            *response.status_mut() = StatusCode::NOT_FOUND;
            let error = reqwest::Response::from(response).error_for_status();
            assert_eq!(
                Outcome::of_error(&error.unwrap_err()),
                Outcome::Status(StatusCode::NOT_FOUND)
            );
        }
    }
}
