use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};

use super::{Answer, Failure, GrpcStatus, Outcome, RateLimited};

/// Why this crate itself answered a request instead of the upstream.
///
/// The answer carries it in its extensions; [`Rejection::of`] finds it there.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// A rate limit is used up.
    #[error("{0}")]
    RateLimited(RateLimited),
    /// No answer came within the time that the caller or the policy allows.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

impl Rejection {
    /// Returns the rejection that `response` stands for, if this crate made it.
    #[must_use]
    pub fn of<B>(response: &Response<B>) -> Option<&Self> {
        response.extensions().get()
    }

    /// The name of the policy that said no, as a metric's label.
    #[must_use]
    pub const fn policy(self) -> &'static str {
        match self {
            Self::RateLimited(_) => "rate_limit",
            Self::TimedOut(_) => "timeout",
        }
    }

    /// The response flag that Envoy writes to its access log for the same answer.
    #[must_use]
    pub const fn flag(self) -> &'static str {
        match self {
            Self::RateLimited(_) => "RL",
            Self::TimedOut(_) => "UT",
        }
    }

    /// How long to stay away, if that is known.
    #[must_use]
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::RateLimited(limited) => limited.retry_after,
            Self::TimedOut(_) => None,
        }
    }

    /// The status that a caller sees.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::RateLimited(limited) => limited.status,
            Self::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The status that a gRPC caller sees: Envoy's, so a timeout is `UNAVAILABLE`.
    #[must_use]
    pub const fn grpc_status(self) -> GrpcStatus {
        match self {
            Self::RateLimited(limited) => limited.grpc_status,
            Self::TimedOut(_) => GrpcStatus::UNAVAILABLE,
        }
    }

    /// What this rejection says about the upstream to the policies around the one that made it.
    pub(crate) const fn outcome(self) -> Outcome {
        match self {
            Self::RateLimited(_) => Outcome::Refused,
            // The upstream was asked and gave no answer.
            Self::TimedOut(_) => Outcome::Failed(Failure::Timeout),
        }
    }

    /// The text of the answer: Envoy's.
    const fn text(self) -> &'static str {
        match self {
            Self::RateLimited(_) => "local_rate_limited",
            Self::TimedOut(_) => "upstream request timeout",
        }
    }

    /// Makes the answer: for a gRPC caller HTTP 200 with the status in headers.
    pub(crate) fn into_response(self, grpc: bool) -> Response<Answer> {
        let mut response = if grpc { self.grpc() } else { self.plain() };
        if let Some(retry_after) = self.retry_after() {
            let seconds = HeaderValue::from(whole_seconds(retry_after));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response.extensions_mut().insert(self);
        response
    }

    fn plain(self) -> Response<Answer> {
        let mut response = Response::new(Answer::text(self.text()));
        *response.status_mut() = self.status();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        response
    }

    fn grpc(self) -> Response<Answer> {
        let mut response = Response::new(Answer::empty());
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/grpc"),
        );
        headers.insert("grpc-status", self.grpc_status().to_header());
        headers.insert("grpc-message", HeaderValue::from_static(self.text()));
        response
    }
}

/// Rounds up, to 1 at least: a caller that comes back in 0 seconds comes back too early.
fn whole_seconds(duration: Duration) -> u64 {
    let up = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(up).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_seconds_rounded_up() {
        for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (30_000, 30)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }
}
