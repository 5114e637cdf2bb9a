//! Selection of the effective timeout. Policy, headers and instants are arguments; nothing here
//! waits.

use std::time::{Duration, Instant};

use super::TimeoutPolicy;
use crate::foundation::time::clock;

/// The timeouts in the headers of a request.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct HeaderTimeouts {
    /// `x-envoy-expected-rq-timeout-ms`.
    pub(super) expected: Option<Duration>,
    /// `grpc-timeout`, of a gRPC request.
    pub(super) grpc: Option<Duration>,
    /// Override of the policy's timeout by the request; 0 means no limit.
    pub(super) instead: Option<Duration>,
}

/// The time for a response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TimeBudget {
    /// End of the budget.
    pub(super) at: Instant,
    /// Length of the budget at its start.
    pub(super) length: Duration,
}

/// The deadline had passed before the call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct DeadlineExceeded;

/// Returns the shortest timeout of policy and headers; `None` means no limit.
#[inline]
pub(super) fn allowance(policy: &TimeoutPolicy, from_headers: HeaderTimeouts) -> Option<Duration> {
    let own = from_headers
        .instead
        .unwrap_or_else(|| policy.total_timeout());
    let own = (!own.is_zero()).then_some(own);
    shorter(own, callers(policy, from_headers))
}

/// Returns the caller's timeout; `None` means no limit.
#[inline]
pub(super) fn callers(policy: &TimeoutPolicy, from_headers: HeaderTimeouts) -> Option<Duration> {
    if !policy.incoming() {
        return None;
    }
    let grpc = from_headers.grpc.map(|grpc| less_offset(policy, grpc));
    shorter(from_headers.expected, grpc)
}

/// Returns the shorter of two timeouts, of which `None` means no limit.
#[inline]
fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Returns the budget of a call at `now` under the deadline `current`; `None` if there is no limit.
#[inline]
pub(super) fn time_budget(
    allowance: Option<Duration>,
    current: Option<Instant>,
    now: Instant,
) -> Result<Option<TimeBudget>, DeadlineExceeded> {
    if current.is_some_and(|current| current <= now) {
        return Err(DeadlineExceeded);
    }
    let own = allowance.and_then(|length| {
        let at = clock::reached_after(now, length)?;
        Some(TimeBudget { at, length })
    });
    let inherited = current.map(|at| TimeBudget {
        at,
        length: at - now,
    });
    Ok(match (own, inherited) {
        // At equal times the policy's own timeout counts, so that a timeout is reported as such.
        (Some(own), Some(inherited)) if inherited.at < own.at => Some(inherited),
        (own, inherited) => own.or(inherited),
    })
}

/// Subtracts `grpc_timeout_offset`, unless nothing would remain: 0 would mean no limit.
fn less_offset(policy: &TimeoutPolicy, grpc: Duration) -> Duration {
    grpc.checked_sub(policy.grpc_offset())
        .filter(|rest| !rest.is_zero())
        .unwrap_or(grpc)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests choose the start of time")]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_shortest_time_holds() {
        let policy = TimeoutPolicy::total(10 * MS);
        let from_headers = |expected, grpc| HeaderTimeouts {
            expected,
            grpc,
            instead: None,
        };
        for (from_headers, expected) in [
            (from_headers(None, None), 10),
            (from_headers(Some(8 * MS), None), 8),
            (from_headers(Some(12 * MS), Some(9 * MS)), 9),
            (from_headers(Some(12 * MS), Some(12 * MS)), 10),
        ] {
            assert_eq!(allowance(&policy, from_headers), Some(expected * MS));
            let strict = policy.clone().with_incoming(false);
            assert_eq!(allowance(&strict, from_headers), Some(10 * MS));
        }
    }

    #[test]
    fn a_request_replaces_the_policys_time_and_0_is_any() {
        let policy = TimeoutPolicy::total(10 * MS);
        for (instead, expected) in [(15, Some(15 * MS)), (0, None)] {
            let from_headers = HeaderTimeouts {
                instead: Some(instead * MS),
                ..HeaderTimeouts::default()
            };
            assert_eq!(allowance(&policy, from_headers), expected);
        }
    }

    #[test]
    fn the_offset_never_leaves_nothing() {
        let policy = TimeoutPolicy::default().with_grpc_offset(10 * MS);
        for (grpc, expected) in [(100, 90), (11, 1), (10, 10), (1, 1)] {
            let from_headers = HeaderTimeouts {
                grpc: Some(grpc * MS),
                ..HeaderTimeouts::default()
            };
            assert_eq!(allowance(&policy, from_headers), Some(expected * MS));
        }
    }

    #[test]
    fn the_sooner_of_window_and_current_deadline_holds() {
        let now = Instant::now();
        let at = |ms: u32| now + ms * MS;
        let own = Some(10 * MS);
        let length = |current| time_budget(own, current, now).map(|w| w.map(|w| w.length));
        assert_eq!(length(None), Ok(own));
        assert_eq!(length(Some(at(4))), Ok(Some(4 * MS)));
        assert_eq!(length(Some(at(40))), Ok(own));
        assert_eq!(length(Some(now)), Err(DeadlineExceeded));
        assert_eq!(time_budget(None, None, now), Ok(None));
        assert_eq!(time_budget(Some(Duration::MAX), None, now), Ok(None));
    }
}
