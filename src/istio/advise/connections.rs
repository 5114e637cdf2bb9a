use super::Advice;
use super::subsets::is_all_tls;
use crate::istio::code::Code;
use crate::istio::finding::Finding;
use crate::istio::kinds::destination_rule::{
    ClientTls, ConnectionPool, DestinationRule, TlsMode, TrafficPolicy,
};
use crate::istio::kinds::service_entry::ServiceEntry;
use crate::istio::tree::At;

/// Tells of the limits of connections that are not enforced, since reqwest makes those with TLS.
pub(super) fn connections(
    index: usize,
    rule: &DestinationRule,
    entry: Option<&ServiceEntry>,
    advice: &mut Advice,
) {
    let is_called_so = entry.is_some_and(is_all_tls);
    let whole = rule.traffic_policy.as_ref();
    let subsets = rule.subsets.0.iter().flatten();
    let of_subsets = subsets.filter_map(|subset| subset.traffic_policy.as_ref());
    for policy in whole.into_iter().chain(of_subsets) {
        let inherited = whole.and_then(|whole| whole.tls.as_ref());
        let tls = policy.tls.as_ref().or(inherited);
        if is_called_so || is_started(tls) {
            limits(index, policy.connection_pool.as_ref(), advice);
        }
        ports(index, policy, is_called_so, advice);
    }
}

fn ports(index: usize, policy: &TrafficPolicy, is_called_so: bool, advice: &mut Advice) {
    for port in policy.port_level_settings.0.iter().flatten() {
        if is_called_so || is_started(port.tls.as_ref()) {
            limits(index, port.connection_pool.as_ref(), advice);
        }
    }
}

/// Says that requests are encrypted here.
fn is_started(tls: Option<&ClientTls>) -> bool {
    let mode = tls.and_then(|tls| tls.mode);
    mode.is_some_and(|mode| mode.value == TlsMode::Simple)
}

fn limits(index: usize, pool: Option<&ConnectionPool>, advice: &mut Advice) {
    let tcp = pool.and_then(|pool| pool.tcp.as_ref());
    let http = pool.and_then(|pool| pool.http.as_ref());
    let connections = tcp.and_then(|tcp| tcp.max_connections);
    let pending = http.and_then(|http| http.http1_max_pending_requests);
    let requests = http.and_then(|http| http.max_requests_per_connection);
    let duration = tcp.and_then(|tcp| tcp.max_connection_duration);
    for (name, limit, least) in [
        ("maxConnections", connections, 1),
        ("http1MaxPendingRequests", pending, 1),
        // One request a connection is what reqwest can do.
        ("maxRequestsPerConnection", requests, 2),
    ] {
        if let Some(limit) = limit.filter(|limit| limit.value >= least) {
            not_enforced(index, name, limit.at, advice);
        }
    }
    if let Some(duration) = duration {
        not_enforced(index, "maxConnectionDuration", duration.at, advice);
    }
}

fn not_enforced(index: usize, name: &str, at: At, advice: &mut Advice) {
    advice.push(
        index,
        Finding::warning(Code::FieldNotActing, at)
            .at_key()
            .what(format!("`{name}` is not enforced over TLS"))
            .here(
                "reqwest connects there: it opens a connection for each request that finds none \
                 idle, and only `connectTimeout` and `idleTimeout` hold",
            )
            .istio("its proxies enforce it where they start the TLS themselves")
            .mend("limit the requests in flight by `http2MaxRequests`, or call it by plain http"),
    );
}
