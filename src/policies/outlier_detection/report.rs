//! Mapping of outcomes to reports for the detector.

use super::machine::host::AttemptReport;
use super::policy::OutlierDetectionPolicy;
use crate::foundation::http::GrpcStatus;
use crate::foundation::outcome::{Failure, Outcome};

/// Returns the reports of an outcome: none if it does not concern the endpoint.
pub(super) fn reports(
    outcome: Outcome,
    policy: &OutlierDetectionPolicy,
) -> [Option<AttemptReport>; 2] {
    let answered = |status| {
        [
            Some(AttemptReport::Connected),
            Some(AttemptReport::Http(policy.counted_status(status))),
        ]
    };
    match outcome {
        // Whose caller went away or broke off its body, and what a policy of ours refused, is not the
        // endpoint's doing.
        Outcome::Abandoned | Outcome::Failed(Failure::RequestBody) | Outcome::Rejected => [None; 2],
        Outcome::Failed(Failure::Timeout) => [Some(AttemptReport::TimedOut), None],
        Outcome::Failed(_) => [Some(AttemptReport::Unreachable), None],
        Outcome::Grpc(status) => answered(http_status(status)),
        Outcome::Status(status) => answered(status.as_u16()),
    }
}

/// Returns true if a report is a success.
pub(super) const fn is_good(report: AttemptReport) -> bool {
    match report {
        AttemptReport::Connected => true,
        AttemptReport::Http(status) => status < 500 || status > 599,
        AttemptReport::TimedOut | AttemptReport::Unreachable => false,
    }
}

/// Maps a gRPC status to an HTTP status, as Envoy's outlier detection does.
const fn http_status(status: GrpcStatus) -> u16 {
    match status {
        GrpcStatus::OK => 200,
        GrpcStatus::CANCELLED => 499,
        GrpcStatus::INVALID_ARGUMENT
        | GrpcStatus::FAILED_PRECONDITION
        | GrpcStatus::OUT_OF_RANGE => 400,
        GrpcStatus::UNAUTHENTICATED => 401,
        GrpcStatus::PERMISSION_DENIED => 403,
        GrpcStatus::NOT_FOUND => 404,
        GrpcStatus::ALREADY_EXISTS | GrpcStatus::ABORTED => 409,
        GrpcStatus::RESOURCE_EXHAUSTED => 429,
        GrpcStatus::UNIMPLEMENTED => 501,
        GrpcStatus::UNAVAILABLE => 503,
        GrpcStatus::DEADLINE_EXCEEDED => 504,
        _ => 500,
    }
}
