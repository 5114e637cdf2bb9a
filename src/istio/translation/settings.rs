//! Policies of a route: timeout, retries, faults and mirrors.

use std::time::Duration;

use http::StatusCode;

use super::index::resource_index::ResourceIndex;
use super::route::action::destination;
use super::route::merged_route::MergedRoute;
use crate::foundation::http::GrpcStatus;
use crate::foundation::sync::Percent;
use crate::istio::api::fields::read::Time;
use crate::istio::api::http_route::{Fault, HttpRoute, Mirror, Percentage, Retries};
use crate::policies::fault_injection::{Abort, FaultInjectionPolicy};
use crate::policies::mirror::MirrorPolicy;
use crate::policies::retry::{Backoff, RetryOn, RetryPolicy};
use crate::policies::timeout::TimeoutPolicy;
use crate::policies::traffic_split::Destination;

/// Returns the timeout; unset means no timeout, since Istio disables Envoy's default of 15 s.
pub(super) fn timeout(written: Option<Duration>) -> TimeoutPolicy {
    TimeoutPolicy::total(written.unwrap_or_default())
}

/// Returns the retry policy: Istio's default if unset, none with 0 attempts.
pub(super) fn retries(written: Option<&Retries>) -> RetryPolicy {
    let Some(written) = written else {
        return default_retries();
    };
    let attempts = written.attempts.map_or(0, |attempts| attempts.value);
    let attempts = match u32::try_from(attempts) {
        Ok(attempts) if attempts > 0 => attempts,
        _ => return RetryPolicy::off(),
    };
    let mut policy = default_retries().with_attempts(attempts);
    if let Some(on) = written.retry_on.as_ref().filter(|on| !on.value.is_empty()) {
        policy = policy.with_retry_on(RetryOn::parse_known(&on.value).0);
    }
    if let Some(timeout) = value(written.per_try_timeout) {
        policy = policy.with_per_try_timeout(timeout);
    }
    if let Some(base) = value(written.backoff) {
        policy = policy.with_backoff(Backoff::exponential(base));
    }
    policy
}

/// Istio's default. It asks no server when to come back, so `Retry-After` counts only where no caller notices: within
/// the time that the route has anyway. The time of a try is the upstream's, not that of a queue before it.
pub(super) fn default_retries() -> RetryPolicy {
    RetryPolicy::default()
        .with_per_try_queueing(false)
        .with_retry_after_in_time(true)
}

pub(super) fn fault(written: Option<&Fault>) -> FaultInjectionPolicy {
    let mut policy = FaultInjectionPolicy::off();
    let Some(written) = written else {
        return policy;
    };
    if let Some(delay) = &written.delay
        && let Some(time) = value(delay.fixed_delay)
    {
        // The deprecated `percent` applies only if `percentage` is unset.
        let old = delay.percent.map_or(0, |percent| percent.value);
        let old = Percent::new(u8::try_from(old).unwrap_or(0));
        let share = delay.percentage.as_ref().map_or(old, percent);
        policy = policy.with_delay(share, time);
    }
    let Some(abort) = &written.abort else {
        return policy;
    };
    let http = abort.http_status.and_then(|status| {
        let status = u16::try_from(status.value).ok()?;
        StatusCode::from_u16(status).ok().map(Abort::Http)
    });
    let grpc = abort
        .grpc_status
        .as_ref()
        .and_then(|status| GrpcStatus::from_name(&status.value));
    let share = abort.percentage.as_ref().map_or(Percent::NONE, percent);
    match http.or_else(|| grpc.map(Abort::Grpc)) {
        Some(abort) => policy.with_abort(share, abort),
        None => policy,
    }
}

/// Returns the mirror destinations with their shares of requests.
pub(super) fn mirrors(
    index: &ResourceIndex,
    merged: &MergedRoute<'_>,
) -> Vec<(Destination, MirrorPolicy)> {
    let mut mirrors = Vec::new();
    let timeout = merged.field(|route| value(route.timeout).filter(|time| !time.is_zero()));
    let policy = |share| {
        let policy = MirrorPolicy::new(share);
        // A mirrored request has the timeout of the original; without one it keeps the default
        // limit, since no caller waits for it.
        timeout.map_or_else(|| policy.clone(), |time| policy.clone().with_timeout(time))
    };
    let many = |route| Some(written(route)).filter(|mirrors| !mirrors.is_empty());
    if let Some((many, namespace)) = merged.with_namespace(many) {
        for one in many {
            let share = one.percentage.as_ref().map_or(Percent::ALL, percent);
            if let (Some(to), true) = (&one.destination, share > Percent::NONE) {
                mirrors.push((destination(index, to, namespace), policy(share)));
            }
        }
    } else if let Some((to, namespace)) = merged.with_namespace(|route| route.mirror.as_ref()) {
        let share = mirrored(
            merged.field(|route| route.mirror_percentage.as_ref()),
            merged.field(|route| route.mirror_percent.map(|percent| percent.value)),
        );
        if share > Percent::NONE {
            mirrors.push((destination(index, to, namespace), policy(share)));
        }
    }
    mirrors
}

/// Returns the mirrored share; unset means all requests.
pub(super) fn mirrored(percentage: Option<&Percentage>, old: Option<u32>) -> Percent {
    let old = old.map_or(Percent::ALL, |old| {
        Percent::new(u8::try_from(old).unwrap_or(u8::MAX))
    });
    percentage.map_or(old, percent)
}

fn written(route: &HttpRoute) -> Vec<&Mirror> {
    route.mirrors.0.iter().flatten().collect()
}

fn percent(percentage: &Percentage) -> Percent {
    Percent::from_f64(percentage.value.map_or(0.0, |value| value.value))
}

fn value(time: Time) -> Option<Duration> {
    time.map(|time| time.value)
}
