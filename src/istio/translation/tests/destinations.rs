//! Clusters of destinations.

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;

use super::{meaning, shown, to};
use crate::foundation::sync::Percent;
use crate::istio::config::{
    ClusterConfig, ClusterDiscovery, ConnectionPoolConfig, DnsConfig, EndpointConfig, Location,
    TlsMode,
};
use crate::policies::load_balance::LoadBalancePolicy;
use crate::policies::outlier_detection::OutlierDetectionPolicy;

fn under(policy: &str) -> ClusterConfig {
    let text = format!("DestinationRule a/r: {{host: x.com, trafficPolicy: {{{policy}}}}}");
    to(&meaning(&text), "x.com")
}

fn entry(rest: &str) -> String {
    format!("ServiceEntry a/e: {{hosts: [x.com], location: MESH_INTERNAL, {rest}}}\n")
}

const PORT: &str = "ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8000}]";
const VERSIONS: &str = "endpoints: [{address: 10.0.0.1, labels: {version: v1}, weight: 3}, {address: '::1', ports: {http: 9000}, labels: {version: v2}}]";
const SUBSETS: &str = "DestinationRule a/r: {host: x.com, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}, {name: v3, labels: {version: v3}}, {name: all}]}";

fn fixed(address: &str, version: &str, weight: u32) -> EndpointConfig {
    EndpointConfig {
        address: address.into(),
        labels: BTreeMap::from([("version".into(), version.into())]),
        weight,
    }
}

#[test]
fn nothing_said_is_istios_default() {
    let config = to(&meaning(""), "x.com");
    assert_eq!(config.endpoints, ClusterDiscovery::ByName);
    assert_eq!(
        shown(&config.outlier),
        shown(&OutlierDetectionPolicy::off())
    );
    assert_eq!(
        shown(&config.load_balancer),
        shown(&LoadBalancePolicy::least_request())
    );
    let pool = ConnectionPoolConfig {
        connect_timeout: Some(Duration::from_secs(10)),
        idle_timeout: Some(Duration::from_secs(3_600)),
        ..ConnectionPoolConfig::default()
    };
    assert_eq!(
        (config.pool, config.retries.budget, config.tls),
        (pool, None, None)
    );
}

#[test]
fn fixed_endpoints_have_ports_by_name_labels_and_weights() {
    let meaning = meaning(&(entry(&format!("resolution: STATIC, {PORT}, {VERSIONS}")) + SUBSETS));
    let (one, two) = (
        fixed("10.0.0.1:8000", "v1", 3),
        fixed("[::1]:9000", "v2", 1),
    );
    assert!(one.endpoint().is_some() && two.endpoint().is_some());
    for (name, expected) in [
        ("x.com", vec![one.clone(), two.clone()]),
        ("x.com|all", vec![one.clone(), two.clone()]),
        ("x.com|v1", vec![one]),
        ("x.com|v2|80", vec![two]),
        ("x.com|v3", vec![]),
    ] {
        assert_eq!(
            to(&meaning, name).endpoints,
            ClusterDiscovery::Fixed(expected),
            "{name}"
        );
    }
    // A port that the service does not have.
    assert_eq!(
        to(&meaning, "x.com||81").endpoints,
        ClusterDiscovery::Unknown
    );
}

#[test]
fn names_are_resolved_the_hosts_own_if_no_other_is_written() {
    let dns = |name: &str, is_one| DnsConfig {
        name: name.into(),
        port: 8000,
        labels: BTreeMap::new(),
        weight: 1,
        is_one,
    };
    for (written, expected) in [
        ("resolution: DNS".to_owned(), dns("x.com", false)),
        ("resolution: DNS_ROUND_ROBIN".to_owned(), dns("x.com", true)),
        (
            "resolution: DNS, endpoints: [{address: y.com}]".to_owned(),
            dns("y.com", false),
        ),
    ] {
        let meaning = meaning(&(entry(&format!("{written}, {PORT}")) + SUBSETS));
        let found = to(&meaning, "x.com").endpoints;
        assert_eq!(found, ClusterDiscovery::Dns(vec![expected]), "{written}");
        assert_eq!(
            to(&meaning, "x.com|v1").endpoints,
            ClusterDiscovery::Dns(vec![])
        );
    }
    // Where the name itself is called, it is called at the port that the service has there.
    let none = |port: &str| {
        let meaning = meaning(&entry(&format!("resolution: NONE, {port}")));
        to(&meaning, "x.com").endpoints
    };
    let elsewhere = ClusterDiscovery::Dns(vec![dns("x.com", true)]);
    assert_eq!(none(PORT), elsewhere);
    let effect = PORT.replace(", targetPort: 8000", "");
    assert_eq!(none(&effect), ClusterDiscovery::ByName);
}

#[test]
fn the_only_port_of_a_service_is_meant_if_none_is_said() {
    let meaning = meaning(&entry(
        "resolution: STATIC, ports: [{number: 8000, name: http, protocol: HTTP}], endpoints: [{address: 10.0.0.1}]",
    ));
    let ClusterDiscovery::Fixed(found) = to(&meaning, "x.com").endpoints else {
        panic!("an address")
    };
    assert_eq!(&*found[0].address, "10.0.0.1:8000");
}

#[test]
fn pings_error_statuses_and_the_interval_of_the_retry_budget_are_as_written() {
    let config = under(
        "connectionPool: {http: {http2KeepAlive: {interval: 10s, timeout: 2s}}}, outlierDetection: {outlierDetectionHttpErrorCodes: [429, 503]}, retryBudget: {budgetInterval: 5s}",
    );
    let seconds = Duration::from_secs;
    assert_eq!(
        config.pool.http2_keep_alive,
        Some((seconds(10), seconds(2)))
    );
    let errors = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    let policy = OutlierDetectionPolicy::default().with_error_statuses(errors);
    assert_eq!(shown(&config.outlier), shown(&policy));
    assert_eq!(config.retries.budget_interval, seconds(5));
}

#[test]
fn pools_are_limits_and_zero_is_none() {
    let config = under(
        "connectionPool: {tcp: {maxConnections: 100, connectTimeout: 1s, maxConnectionDuration: 60s, idleTimeout: 5s}, http: {http1MaxPendingRequests: 10, maxRequestsPerConnection: 2, http2MaxRequests: 7, maxRetries: 3}}",
    );
    let pool = ConnectionPoolConfig {
        connect_timeout: Some(Duration::from_secs(1)),
        http2: false,
        http2_keep_alive: None,
        idle_timeout: Some(Duration::from_secs(5)),
        max_connections: Some(100),
        max_connection_duration: Some(Duration::from_secs(60)),
        max_pending: Some(10),
        max_requests_per_connection: Some(2),
    };
    assert_eq!(config.pool, pool);
    assert_eq!(
        (config.limit.max_in_flight(), config.limit.max_pending()),
        (7, 0)
    );
    assert_eq!(config.retries.max_parallel, Some(3));
    let zero = under(
        "connectionPool: {tcp: {maxConnections: 0}, http: {http1MaxPendingRequests: 0, http2MaxRequests: 0, maxRetries: 0}}",
    );
    assert_eq!(
        (zero.pool.max_connections, zero.pool.max_pending),
        (None, None)
    );
    assert_eq!(
        (zero.limit.max_in_flight(), zero.retries.max_parallel),
        (0, None)
    );
    let budget = under("retryBudget: {percent: 25}").retries.budget;
    assert_eq!(budget, Some((Percent::new(25), 3)));
}

#[test]
fn ejections_have_envoys_defaults_and_the_old_name_counts() {
    let default = OutlierDetectionPolicy::default;
    for (written, expected) in [
        ("interval: 10s", default()),
        ("consecutiveErrors: 7", default().with_consecutive_5xx(7)),
        (
            "consecutiveErrors: 7, consecutive5xxErrors: 2",
            default().with_consecutive_5xx(2),
        ),
        (
            "consecutive5xxErrors: 0, consecutiveGatewayErrors: 3",
            default()
                .with_consecutive_5xx(0)
                .with_consecutive_gateway_errors(3),
        ),
        ("maxEjectionPercent: 0", default()),
        (
            "maxEjectionPercent: 50",
            default().with_max_ejection_percent(Percent::new(50)),
        ),
        (
            "splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2",
            default()
                .with_split_local_origin(true)
                .with_consecutive_local_origin_failures(2),
        ),
    ] {
        let found = under(&format!("outlierDetection: {{{written}}}")).outlier;
        assert_eq!(shown(&found), shown(&expected), "{written}");
    }
    let panic = under("outlierDetection: {minHealthPercent: 40}").load_balancer;
    let expected = LoadBalancePolicy::least_request().with_min_health_percent(Percent::new(40));
    assert_eq!(shown(&panic), shown(&expected));
}

#[test]
fn balancers_are_read() {
    for (written, expected) in [
        ("simple: ROUND_ROBIN", "RoundRobin"),
        ("simple: RANDOM", "Random"),
        ("simple: LEAST_CONN", "Least"),
        (
            "consistentHash: {httpHeaderName: x-user, ringHash: {minimumRingSize: 2048}}",
            "2048",
        ),
        (
            "consistentHash: {httpCookie: {name: user, ttl: 60s}}",
            "user",
        ),
        ("consistentHash: {httpQueryParameterName: q}", "\"q\""),
        ("consistentHash: {useSourceIp: true}", "ClientAddress"),
        ("simple: ROUND_ROBIN, warmup: {duration: 77s}", "77s"),
    ] {
        let found = shown(&under(&format!("loadBalancer: {{{written}}}")).load_balancer);
        assert!(found.contains(expected), "{written}: {found}");
    }
    let text = entry(&format!("resolution: STATIC, {PORT}, {VERSIONS}"))
        + "DestinationRule a/r: {host: x.com, trafficPolicy: {loadBalancer: {simple: PASSTHROUGH}}}";
    assert_eq!(
        to(&meaning(&text), "x.com").endpoints,
        ClusterDiscovery::ByName
    );
}

#[test]
fn tls_is_started_here_as_the_rule_says() {
    for (written, expected) in [
        (
            "mode: SIMPLE, sni: y.com",
            Some((TlsMode::Simple, Some("y.com"))),
        ),
        ("mode: SIMPLE", Some((TlsMode::Simple, None))),
        ("mode: DISABLE", None),
        ("{}", None),
    ] {
        let tls = under(&format!("tls: {{{}}}", written.trim_matches(['{', '}']))).tls;
        let tls = tls.as_ref().map(|tls| (tls.mode, tls.sni.as_deref()));
        assert_eq!(tls, expected, "{written}");
    }
}

#[test]
fn a_host_is_inside_the_mesh_if_the_documents_place_it_there() {
    const SERVICE: &str = "users.a.svc.cluster.local";
    let of = |host: &str, location: &str| {
        let rest = format!("resolution: STATIC, {PORT}, endpoints: [{{address: 10.0.0.1}}]");
        let text = format!("ServiceEntry a/e: {{hosts: [{host}], {location} {rest}}}\n");
        to(&meaning(&text), host).location
    };
    for (host, location, expected) in [
        ("x.com", "location: MESH_INTERNAL,", Location::Internal),
        ("x.com", "location: MESH_EXTERNAL,", Location::External),
        ("x.com", "", Location::External),
        (SERVICE, "", Location::Internal),
        (SERVICE, "location: MESH_EXTERNAL,", Location::External),
    ] {
        assert_eq!(of(host, location), expected, "{host} {location}");
    }
    // Without an entry, the name of a service of the cluster is one; a rule alone places nothing.
    let ruled = meaning("DestinationRule a/r: {host: y.com}\n");
    for (host, expected) in [
        (SERVICE, Location::Internal),
        ("y.com", Location::External),
        ("z.com", Location::External),
    ] {
        assert_eq!(to(&ruled, host).location, expected, "{host}");
    }
}
