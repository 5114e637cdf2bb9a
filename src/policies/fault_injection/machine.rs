//! Choice of the fault for a request. Random bits, policy and headers are arguments.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::{Abort, FaultInjectionPolicy};
use crate::foundation::http::{GrpcStatus, RequestHead};
use crate::foundation::sync::Percent;

/// Fault of one request.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Fault {
    pub(super) abort: Option<Abort>,
    pub(super) delay: Option<Duration>,
}

impl Fault {
    /// Draws a delay and an abort, independently of each other.
    pub(super) fn draw(
        policy: &FaultInjectionPolicy,
        head: RequestHead<'_>,
        mut random: impl FnMut() -> u64,
    ) -> Self {
        // The filter comes first: it draws nothing, so other requests do not change a seeded
        // sequence.
        let headers = head.headers();
        if !policy.applies_to(head) {
            return Self::default();
        }
        let delay = delay(policy, headers)
            .filter(|(share, _)| share.happens(random()))
            .map(|(_, delay)| delay)
            // After the draw, so that a delay of zero does not shift a seeded sequence.
            .filter(|delay| !delay.is_zero());
        let abort = abort(policy, headers)
            .filter(|(share, _)| share.happens(random()))
            .map(|(_, abort)| abort);
        Self { abort, delay }
    }

    pub(super) const fn is_none(self) -> bool {
        self.abort.is_none() && self.delay.is_none()
    }
}

fn delay(policy: &FaultInjectionPolicy, headers: &HeaderMap) -> Option<(Percent, Duration)> {
    let (share, delay) = policy.delay()?;
    if !policy.by_header() {
        return Some((share, delay));
    }
    let asked = number(headers, "x-envoy-fault-delay-request").map(Duration::from_millis);
    let share = share_from_headers(headers, "x-envoy-fault-delay-request-percentage", share);
    Some((share, asked.unwrap_or(delay)))
}

fn abort(policy: &FaultInjectionPolicy, headers: &HeaderMap) -> Option<(Percent, Abort)> {
    let (share, abort) = policy.abort()?;
    if !policy.by_header() {
        return Some((share, abort));
    }
    let share = share_from_headers(headers, "x-envoy-fault-abort-request-percentage", share);
    Some((share, abort_from_headers(headers).unwrap_or(abort)))
}

fn abort_from_headers(headers: &HeaderMap) -> Option<Abort> {
    // As Envoy, accept only the statuses of a final response: 200 to 599.
    let http = number(headers, "x-envoy-fault-abort-request")
        .filter(|status| (200..600).contains(status))
        .and_then(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok());
    let grpc = || number(headers, "x-envoy-fault-abort-grpc-request");
    http.map(Abort::Http)
        .or_else(|| Some(Abort::Grpc(GrpcStatus::new(u8::try_from(grpc()?).ok()?))))
}

/// Returns the share for a request: its header may lower the policy's share, not raise it.
fn share_from_headers(headers: &HeaderMap, name: &str, share: Percent) -> Percent {
    let asked = number(headers, name).map(|percent| Percent::new(percent.min(100) as u8));
    asked.map_or(share, |asked| asked.min(share))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const ABORT: Abort = Abort::Http(StatusCode::IM_A_TEAPOT);

    fn policy() -> FaultInjectionPolicy {
        FaultInjectionPolicy::off()
            .with_delay(Percent::new(50), SECOND)
            .with_abort(Percent::new(50), ABORT)
    }

    fn draw(policy: &FaultInjectionPolicy, headers: &HeaderMap, rolls: [u64; 2]) -> Fault {
        let mut rolls = rolls.into_iter();
        let mut request = http::Request::new(());
        *request.headers_mut() = headers.clone();
        Fault::draw(policy, RequestHead::of(&request), || rolls.next().unwrap())
    }

    #[test]
    fn delay_and_abort_roll_apart() {
        let headers = HeaderMap::new();
        let (hit, miss) = (0, u64::MAX);
        for (rolls, delay, abort) in [
            ([hit, hit], Some(SECOND), Some(ABORT)),
            ([hit, miss], Some(SECOND), None),
            ([miss, hit], None, Some(ABORT)),
            ([miss, miss], None, None),
        ] {
            assert_eq!(draw(&policy(), &headers, rolls), Fault { abort, delay });
        }
    }

    #[test]
    fn a_request_asks_for_its_fault_only_where_it_may() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-envoy-fault-abort-request",
            HeaderValue::from_static("503"),
        );
        headers.insert(
            "x-envoy-fault-delay-request",
            HeaderValue::from_static("250"),
        );
        assert_eq!(draw(&policy(), &headers, [0, 0]).abort, Some(ABORT));

        let asked = draw(&policy().with_header_control(true), &headers, [0, 0]);
        assert_eq!(
            asked.abort,
            Some(Abort::Http(StatusCode::SERVICE_UNAVAILABLE))
        );
        assert_eq!(asked.delay, Some(Duration::from_millis(250)));
        let none = FaultInjectionPolicy::off().with_header_control(true);
        assert!(draw(&none, &headers, [0, 0]).is_none());
    }

    #[test]
    fn a_request_lowers_its_share_but_never_raises_it() {
        let mut headers = HeaderMap::new();
        for (asked, random, hit) in [
            ("100", u64::MAX / 4 * 3, false),
            ("0", 0, false),
            ("9", 0, true),
        ] {
            headers.insert(
                "x-envoy-fault-abort-request-percentage",
                HeaderValue::from_static(asked),
            );
            let fault = draw(&policy().with_header_control(true), &headers, [0, random]);
            assert_eq!(fault.abort.is_some(), hit, "{asked} %");
        }
    }
}
