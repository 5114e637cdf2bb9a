use http::{HeaderMap, HeaderName, Response, StatusCode};

use super::{Condition, RetryOn};
use crate::foundation::http::GrpcStatus;
use crate::foundation::http::grpc::GRPC_STATUS;
use crate::foundation::outcome::{Failure, Outcome, Rejection};

/// Header that Envoy's rate limits set on their responses.
static RATE_LIMITED: HeaderName = HeaderName::from_static("x-envoy-ratelimited");

/// Meaning of the conditions; Envoy's `RetryStateImpl`.
impl RetryOn {
    /// Returns true if an attempt with this outcome is to be retried, as far as the outcome
    /// decides.
    pub(super) fn matches(&self, outcome: Outcome, headers: Option<&HeaderMap>) -> bool {
        // Our own refusals, callers that went away and bodies that callers broke off are no transient
        // failure of the upstream.
        if matches!(
            outcome,
            Outcome::Abandoned | Outcome::Failed(Failure::RequestBody) | Outcome::Rejected
        ) {
            return false;
        }
        if let Some(own) = &self.predicate
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
        // Looked up only where it changes the result: most responses are good and match nothing.
        if self.contains(Condition::EnvoyRatelimited) {
            matched || headers.contains_key(&RATE_LIMITED)
        } else {
            matched && !headers.contains_key(&RATE_LIMITED)
        }
    }

    /// Returns true if a response is a success and no condition looks further. Most responses are,
    /// and this check scans the header names once, where the conditions would hash and look up
    /// three.
    pub(super) fn passes<R>(&self, response: &Response<R>) -> bool {
        let looks = Condition::EnvoyRatelimited.bit() | Condition::RetriableHeaders.bit();
        let (status, headers) = (response.status(), response.headers());
        status.as_u16() < 400
            && self.predicate.is_none()
            && self.conditions & looks == 0
            && !self.statuses().contains(&status)
            // A linear scan: no name has to be hashed, and the headers are few.
            && headers.keys().all(|name| *name != GRPC_STATUS)
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

    /// Returns true if a gRPC status in the head of a response matches by itself.
    pub(super) fn matches_grpc(&self, status: GrpcStatus) -> bool {
        self.grpc & (1 << status.code()) != 0
            || Condition::of_grpc(status).is_some_and(|condition| self.contains(condition))
    }

    /// Returns true if a request that reached no server can match; only that makes copying the head
    /// of a POST worthwhile.
    pub(super) fn may_match_unprocessed(&self) -> bool {
        self.predicate.is_some() || self.conditions & Condition::UNPROCESSED != 0
    }

    /// Returns true if gRPC statuses can match.
    pub(super) fn may_match_grpc(&self) -> bool {
        self.predicate.is_some() || self.names_grpc()
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

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    fn policies() -> Vec<RetryOn> {
        let each = Condition::ALL.map(|condition| RetryOn::none().with(condition));
        let others = [
            RetryOn::none(),
            RetryOn::istio(),
            RetryOn::none().with_status(StatusCode::OK),
            RetryOn::none().with_grpc_status(GrpcStatus::ABORTED),
            RetryOn::none().with_header(header::RETRY_AFTER, None),
            RetryOn::none().with_predicate(|_, _| Some(true)),
        ];
        each.into_iter().chain(others).collect()
    }

    fn responses() -> Vec<Response<()>> {
        let headers = [
            ("content-type", "application/grpc"),
            ("grpc-status", "0"),
            ("grpc-status", "10"),
            ("grpc-status", "14"),
            ("retry-after", "1"),
            ("x-envoy-ratelimited", "true"),
        ];
        let mut all = Vec::new();
        for status in [200, 204, 304, 400, 409, 429, 500, 503] {
            for set in 0..1_u32 << headers.len() {
                let mut response = Response::new(());
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                for (i, (name, value)) in headers.iter().enumerate() {
                    if set & (1 << i) != 0 {
                        let value = HeaderValue::from_static(value);
                        response.headers_mut().insert(*name, value);
                    }
                }
                all.push(response);
            }
        }
        all
    }

    #[test]
    fn what_passes_at_once_is_a_success_that_no_condition_names() {
        let (mut passed, mut looked_at) = (0, 0);
        for on in policies() {
            for mut response in responses() {
                if !on.passes(&response) {
                    looked_at += 1;
                    continue;
                }
                passed += 1;
                // None: the status is in its trailers, and such a response is not retried.
                if let Some(outcome) = Outcome::of_response(&response) {
                    assert!(!on.matches(outcome, Some(response.headers())), "{on}");
                    assert!(outcome.is_success(), "{on}: {response:?}");
                }
                response.extensions_mut().insert(Rejection::NoRoute);
                assert!(!on.passes(&response), "our own refusal is no success");
            }
        }
        assert!(passed > 300 && looked_at > 300, "{passed}, {looked_at}");
    }
}
