use http::{HeaderMap, HeaderName, Response, StatusCode};

use super::{Condition, RetryOn};
use crate::base::grpc::GRPC_STATUS;
use crate::{Failure, GrpcStatus, Outcome, Rejection};

/// Set by Envoy on what its rate limits answer.
static RATE_LIMITED: HeaderName = HeaderName::from_static("x-envoy-ratelimited");

/// What the conditions mean; Envoy's `RetryStateImpl`.
impl RetryOn {
    /// Says whether an attempt that ended so is to be tried again, as far as its outcome goes.
    pub(super) fn matches(&self, outcome: Outcome, headers: Option<&HeaderMap>) -> bool {
        // Our own refusals and callers that went away are nobody's transient failure.
        if matches!(outcome, Outcome::Abandoned | Outcome::Refused) {
            return false;
        }
        if let Some(own) = &self.own
            && let Some(verdict) = own(outcome, headers)
        {
            return verdict;
        }
        if let Outcome::Failed(failure) = outcome {
            return self.matches_failure(failure);
        }
        let Some(headers) = headers else {
            return matches!(outcome, Outcome::Grpc(status) if self.matches_grpc(status));
        };
        let matched = self.matches_head(outcome, headers);
        // Asked for only where it changes something: most answers are good and match nothing.
        if self.contains(Condition::EnvoyRatelimited) {
            matched || headers.contains_key(&RATE_LIMITED)
        } else {
            matched && !headers.contains_key(&RATE_LIMITED)
        }
    }

    /// Says that a response is good and nobody looks further: what most are, found out by one look at its
    /// headers.
    pub(super) fn passes<R>(&self, response: &Response<R>) -> bool {
        let looks = Condition::EnvoyRatelimited.bit() | Condition::RetriableHeaders.bit();
        let (status, headers) = (response.status(), response.headers());
        status.as_u16() < 400
            && self.own.is_none()
            && self.conditions & looks == 0
            && !self.statuses().contains(&status)
            // One after the other: no name has to be hashed, and the headers are few.
            && !(self.names_grpc() && headers.keys().any(|name| *name == GRPC_STATUS))
            && Rejection::of(response).is_none()
    }

    fn matches_head(&self, outcome: Outcome, headers: &HeaderMap) -> bool {
        let status = match outcome {
            Outcome::Status(status) => self.matches_status(status),
            _ => false,
        };
        let grpc = || GrpcStatus::from_headers(headers).is_some_and(|s| self.matches_grpc(s));
        status
            || self.names_grpc() && grpc()
            || self.contains(Condition::RetriableHeaders) && self.matches_headers(headers)
    }

    /// Says whether a gRPC status in the head of a response matches by itself.
    pub(super) fn matches_grpc(&self, status: GrpcStatus) -> bool {
        self.grpc & (1 << status.code()) != 0
            || Condition::of_grpc(status).is_some_and(|condition| self.contains(condition))
    }

    /// Says whether a request that reached no server can match, which is the one thing that makes
    /// copying the head of a POST worth it.
    pub(super) fn may_match_unprocessed(&self) -> bool {
        self.own.is_some() || self.conditions & Condition::UNPROCESSED != 0
    }

    /// Says whether gRPC statuses can match.
    pub(super) fn may_match_grpc(&self) -> bool {
        self.own.is_some() || self.names_grpc()
    }

    const fn names_grpc(&self) -> bool {
        self.grpc != 0 || self.conditions & Condition::GRPC != 0
    }

    fn matches_failure(&self, failure: Failure) -> bool {
        let any_reset =
            Condition::ServerError.bit() | Condition::GatewayError.bit() | Condition::Reset.bit();
        let also = match failure {
            Failure::Connect | Failure::Dns | Failure::NotSent | Failure::Tls => {
                Condition::ConnectFailure.bit() | Condition::ResetBeforeRequest.bit()
            }
            Failure::RefusedStream => Condition::RefusedStream.bit(),
            Failure::Panic => return false,
            _ => 0,
        };
        self.conditions & (any_reset | also) != 0
    }

    fn matches_status(&self, status: StatusCode) -> bool {
        self.contains(Condition::ServerError) && status.is_server_error()
            || self.contains(Condition::GatewayError) && matches!(status.as_u16(), 502..=504)
            || self.contains(Condition::Retriable4xx) && status == StatusCode::CONFLICT
            || self.contains(Condition::RetriableStatusCodes) && self.statuses().contains(&status)
    }

    fn matches_headers(&self, headers: &HeaderMap) -> bool {
        self.headers.iter().any(|(name, expected)| {
            headers
                .get_all(name)
                .iter()
                .any(|value| expected.as_ref().is_none_or(|expected| expected == value))
        })
    }
}
