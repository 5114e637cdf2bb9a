//! Connections, requests in flight and retries: `connectionPool` and `retryBudget`.

use std::time::Duration;

use crate::foundation::sync::Percent;
use crate::istio::api::destination_rule::{ConnectionPool, RetryBudget, UpgradePolicy};
use crate::istio::api::fields::read::Int;
use crate::istio::config::{ConnectionPoolConfig, RetriesConfig};
use crate::policies::concurrency_limit::ConcurrencyLimitPolicy;

/// `connectTimeout` of Istio's mesh configuration.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Envoy's default idle timeout of connections.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Envoy's defaults of a retry budget: percent of requests in flight, and minimum concurrency.
const BUDGET: (f64, u32) = (20.0, 3);

/// `is_http2` says that the service's port is for HTTP/2.
pub(in crate::istio::translation) fn pool(
    written: Option<&ConnectionPool>,
    is_http2: bool,
) -> ConnectionPoolConfig {
    let tcp = written.and_then(|written| written.tcp.as_ref());
    let http = written.and_then(|written| written.http.as_ref());
    let idle = http.and_then(|http| http.idle_timeout);
    // The HTTP timeout takes precedence over the TCP one.
    let idle = idle.or_else(|| tcp?.idle_timeout);
    let connect = tcp.and_then(|tcp| tcp.connect_timeout);
    let upgrade = http.and_then(|http| http.h2_upgrade_policy);
    let is_upgraded = upgrade.is_some_and(|policy| policy.value == UpgradePolicy::Upgrade);
    let keep_alive = http.and_then(|http| http.http2_keep_alive.as_ref());
    ConnectionPoolConfig {
        connect_timeout: Some(connect.map_or(CONNECT_TIMEOUT, |time| time.value)),
        http2: is_http2 || is_upgraded,
        http2_keep_alive: keep_alive
            .and_then(|keep_alive| Some((keep_alive.interval?.value, keep_alive.timeout?.value))),
        idle_timeout: Some(idle.map_or(IDLE_TIMEOUT, |time| time.value)),
        max_connections: tcp.and_then(|tcp| limit(tcp.max_connections)),
        max_connection_duration: tcp
            .and_then(|tcp| tcp.max_connection_duration)
            .map(|time| time.value),
        max_pending: http.and_then(|http| limit(http.http1_max_pending_requests)),
        max_requests_per_connection: http.and_then(|http| limit(http.max_requests_per_connection)),
    }
}

/// Returns the limit of `http2MaxRequests`, for every HTTP version: further requests are rejected
/// at once.
pub(in crate::istio::translation) fn in_flight(
    written: Option<&ConnectionPool>,
) -> ConcurrencyLimitPolicy {
    let http = written.and_then(|written| written.http.as_ref());
    let max = http.and_then(|http| limit(http.http2_max_requests));
    ConcurrencyLimitPolicy::new(max.unwrap_or(0))
}

pub(in crate::istio::translation) fn retries(
    written: Option<&ConnectionPool>,
    budget: Option<&RetryBudget>,
) -> RetriesConfig {
    let http = written.and_then(|written| written.http.as_ref());
    RetriesConfig {
        max_parallel: http.and_then(|http| limit(http.max_retries)),
        budget: budget.map(|budget| {
            let percent = budget.percent.map_or(BUDGET.0, |percent| percent.value);
            let least = budget.min_retry_concurrency.map_or(BUDGET.1, |n| n.value);
            (Percent::from_f64(percent), least)
        }),
        budget_interval: budget
            .and_then(|budget| budget.budget_interval)
            .map_or(Duration::ZERO, |interval| interval.value),
    }
}

/// Returns the limit; unset and 0 mean no limit.
fn limit(written: Int) -> Option<u32> {
    let limit = u32::try_from(written?.value).ok()?;
    (limit > 0).then_some(limit)
}
