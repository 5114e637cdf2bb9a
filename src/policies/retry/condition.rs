use std::fmt::{self, Display, Formatter};

use crate::foundation::http::GrpcStatus;

/// A condition of Istio's `retryOn`, with Envoy's meaning.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Condition {
    /// `5xx`: any status of 500 and above, and every failure without a response: connect failures,
    /// resets, an attempt that timed out.
    ServerError,
    /// `gateway-error`: 502, 503, 504, and every failure without a response.
    GatewayError,
    /// `reset`: every failure without a response, including an attempt that timed out.
    Reset,
    /// `reset-before-request`: the connection failed, or was closed before the request was written.
    ResetBeforeRequest,
    /// `connect-failure`: no connection could be made (TCP, TLS or DNS). It also covers a pooled
    /// connection that was closed before the request was written, which Envoy calls a reset: the
    /// server received nothing in either case.
    ConnectFailure,
    /// `retriable-4xx`: 409.
    Retriable4xx,
    /// `refused-stream`: the server reported that it did not process the request.
    RefusedStream,
    /// `retriable-status-codes`: the statuses of [`RetryOn::with_status`](super::RetryOn::with_status).
    RetriableStatusCodes,
    /// `retriable-headers`: the headers of [`RetryOn::with_header`](super::RetryOn::with_header).
    RetriableHeaders,
    /// `envoy-ratelimited`: a response with the header `x-envoy-ratelimited`. Without this
    /// condition such a response is not retried for any other reason.
    EnvoyRatelimited,
    /// `http3-post-connect-failure`: accepted, and matches nothing, as HTTP/3 is not supported.
    Http3PostConnectFailure,
    /// `cancelled`: gRPC status 1 in the response's head.
    Cancelled,
    /// `deadline-exceeded`: gRPC status 4 in the response's head.
    DeadlineExceeded,
    /// `internal`: gRPC status 13 in the response's head.
    Internal,
    /// `resource-exhausted`: gRPC status 8 in the response's head.
    ResourceExhausted,
    /// `unavailable`: gRPC status 14 in the response's head.
    Unavailable,
}

impl Condition {
    /// Every condition, in the order of Istio's reference.
    pub const ALL: [Self; 16] = [
        Self::ServerError,
        Self::GatewayError,
        Self::Reset,
        Self::ResetBeforeRequest,
        Self::ConnectFailure,
        Self::Retriable4xx,
        Self::RefusedStream,
        Self::RetriableStatusCodes,
        Self::RetriableHeaders,
        Self::EnvoyRatelimited,
        Self::Http3PostConnectFailure,
        Self::Cancelled,
        Self::DeadlineExceeded,
        Self::Internal,
        Self::ResourceExhausted,
        Self::Unavailable,
    ];

    /// Conditions that can match a request which reached no server.
    pub(super) const UNPROCESSED: u32 = Self::ServerError.bit()
        | Self::GatewayError.bit()
        | Self::Reset.bit()
        | Self::ResetBeforeRequest.bit()
        | Self::ConnectFailure.bit()
        | Self::RefusedStream.bit();

    /// Conditions on gRPC statuses.
    pub(super) const GRPC: u32 = Self::Cancelled.bit()
        | Self::DeadlineExceeded.bit()
        | Self::Internal.bit()
        | Self::ResourceExhausted.bit()
        | Self::Unavailable.bit();

    /// Returns the name in Istio's `retryOn`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServerError => "5xx",
            Self::GatewayError => "gateway-error",
            Self::Reset => "reset",
            Self::ResetBeforeRequest => "reset-before-request",
            Self::ConnectFailure => "connect-failure",
            Self::Retriable4xx => "retriable-4xx",
            Self::RefusedStream => "refused-stream",
            Self::RetriableStatusCodes => "retriable-status-codes",
            Self::RetriableHeaders => "retriable-headers",
            Self::EnvoyRatelimited => "envoy-ratelimited",
            Self::Http3PostConnectFailure => "http3-post-connect-failure",
            Self::Cancelled => "cancelled",
            Self::DeadlineExceeded => "deadline-exceeded",
            Self::Internal => "internal",
            Self::ResourceExhausted => "resource-exhausted",
            Self::Unavailable => "unavailable",
        }
    }

    /// Finds a condition by its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }

    pub(super) const fn of_grpc(status: GrpcStatus) -> Option<Self> {
        match status {
            GrpcStatus::CANCELLED => Some(Self::Cancelled),
            GrpcStatus::DEADLINE_EXCEEDED => Some(Self::DeadlineExceeded),
            GrpcStatus::INTERNAL => Some(Self::Internal),
            GrpcStatus::RESOURCE_EXHAUSTED => Some(Self::ResourceExhausted),
            GrpcStatus::UNAVAILABLE => Some(Self::Unavailable),
            _ => None,
        }
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name in a list of conditions that is neither a condition nor an HTTP status.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{name}` is not a retry condition; did you mean `{suggestion}`?")]
pub struct UnknownCondition {
    name: String,
    suggestion: &'static str,
}

impl UnknownCondition {
    pub(super) fn new(name: &str) -> Self {
        let nearest = Condition::ALL
            .into_iter()
            .map(Condition::name)
            .min_by_key(|known| distance(name, known))
            .unwrap_or_default();
        Self {
            name: name.to_owned(),
            suggestion: nearest,
        }
    }

    /// Returns the name as written in the list.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the known condition with the most similar name.
    #[must_use]
    pub const fn suggestion(&self) -> &'static str {
        self.suggestion
    }
}

/// Returns the Levenshtein distance: letters to insert, delete or replace.
fn distance(one: &str, two: &str) -> usize {
    let mut row: Vec<usize> = (0..=two.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in two.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_is_found_by_its_name_and_has_a_bit_of_its_own() {
        let mut bits = 0;
        for condition in Condition::ALL {
            assert_eq!(Condition::from_name(condition.name()), Some(condition));
            assert_eq!(bits & condition.bit(), 0, "{condition}");
            bits |= condition.bit();
        }
    }

    #[test]
    fn the_nearest_condition_is_named() {
        for (wrong, right) in [
            ("5XX", "5xx"),
            ("5x", "5xx"),
            ("resource- exhausted", "resource-exhausted"),
            ("resets", "reset"),
            ("unavailible", "unavailable"),
        ] {
            assert_eq!(UnknownCondition::new(wrong).suggestion(), right);
        }
    }
}
