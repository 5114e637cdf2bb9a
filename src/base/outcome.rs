use http::{Response, StatusCode};

use super::{Failure, GrpcStatus, Rejection, grpc};

/// What became of one attempt, before any policy has judged it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Outcome {
    /// The caller went away before the attempt ended.
    Abandoned,
    /// No whole response came back.
    Failed(Failure),
    /// A gRPC call ended with this status.
    Grpc(GrpcStatus),
    /// A policy of this crate answered; the upstream never saw the request.
    Refused,
    /// A response head arrived with this status.
    Status(StatusCode),
}

impl Outcome {
    /// The outcome of a call that worked, where there is no status: one that is not HTTP.
    pub const SUCCESS: Self = Self::Status(StatusCode::OK);

    /// Classifies a response by its head; `None` if it is a gRPC response whose trailers will tell.
    #[must_use]
    pub fn of_response<R>(response: &Response<R>) -> Option<Self> {
        if let Some(rejection) = Rejection::of(response) {
            return Some(rejection.outcome());
        }
        let status = response.status();
        if status == StatusCode::OK && grpc::is_grpc(response.headers()) {
            return GrpcStatus::from_headers(response.headers()).map(Self::Grpc);
        }
        Some(Self::Status(status))
    }

    /// Says that the attempt was answered as hoped: a status below 400, or gRPC's `OK`.
    #[must_use]
    pub fn is_success(self) -> bool {
        match self {
            Self::Status(status) => status.as_u16() < 400,
            Self::Grpc(status) => status == GrpcStatus::OK,
            Self::Abandoned | Self::Failed(_) | Self::Refused => false,
        }
    }
}
