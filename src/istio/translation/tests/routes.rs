//! Translation of the routes of a virtual service.

use std::time::Duration;

use http::{Request, StatusCode};

use super::{host, leads_to, meaning, shown, subject};
use crate::foundation::http::RequestHead;
use crate::istio::config::{OutboundConfig, WorkloadId};
use crate::policies::traffic_split::{
    Decision, TrafficSplitPolicy, VirtualHost, WeightedDestination,
};

/// Returns the routes of a virtual service for `x.com`.
fn routes(http: &str) -> OutboundConfig {
    routes_for(http, &subject("w", "a"))
}

fn routes_for(http: &str, workload: &WorkloadId) -> OutboundConfig {
    meaning(&format!(
        "VirtualService a/v: {{hosts: [x.com], http: [{http}]}}"
    ))
    .outbound(workload)
}

/// Returns the destination of a request to `x.com`, through the traffic split layer.
fn asked(config: &OutboundConfig, request: &str, headers: &[(&str, &str)]) -> Option<String> {
    let hosts = config.hosts.iter().map(|config| {
        VirtualHost::new(
            config.names.clone(),
            config.routes.iter().map(|config| config.route.clone()),
        )
    });
    let policy = hosts.fold(TrafficSplitPolicy::off(), TrafficSplitPolicy::with_host);
    let (method, uri) = request.split_once(' ').unwrap();
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://x.com{uri}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(()).unwrap();
    match policy.choose(RequestHead::of(&request), 0) {
        Decision::Forward(choice) => Some(choice.destination().host().to_owned()),
        _ => None,
    }
}

const REST: &str = "{route: [{destination: {host: rest.com}}]}";

fn to(host: &str) -> String {
    format!("route: [{{destination: {{host: {host}.com}}}}]")
}

#[test]
fn the_first_route_that_fits_is_taken() {
    let config = routes(&format!(
        "{{match: [{{uri: {{prefix: /a}}, method: {{exact: POST}}}}, {{headers: {{v: {{exact: '2'}}}}}}], {}}},
         {{match: [{{uri: {{exact: /b}}, ignoreUriCase: true}}, {{queryParams: {{q: {{regex: '[0-9]+'}}}}}}], {}}},
         {{match: [{{withoutHeaders: {{k: {{}}}}, uri: {{regex: '/c.*'}}}}], {}}}, {REST}",
        to("one"),
        to("two"),
        to("three")
    ).replace('\n', ""));
    for (request, headers, expected) in [
        ("POST /abc", &[][..], "one.com"),
        ("GET /abc", &[], "rest.com"),
        ("GET /", &[("v", "2")], "one.com"),
        ("GET /B?x=1", &[], "two.com"),
        ("GET /?q=12", &[], "two.com"),
        ("GET /?q=1a", &[], "rest.com"),
        ("GET /cd", &[], "three.com"),
        ("GET /cd", &[("k", "1")], "rest.com"),
    ] {
        assert_eq!(
            asked(&config, request, headers).as_deref(),
            Some(expected),
            "{request}"
        );
    }
}

#[test]
fn matches_that_name_others_are_decided_before_any_request() {
    let http = format!(
        "{{match: [{{sourceLabels: {{app: other}}}}], {}}}, {{match: [{{sourceNamespace: b}}], {}}},
         {{match: [{{gateways: [gw]}}], {}}}, {{match: [{{gateways: [mesh], sourceLabels: {{app: nobody}}}}], {}}}",
        to("label"),
        to("namespace"),
        to("gateway"),
        to("mesh")
    ).replace('\n', "");
    let lead = |workload: &WorkloadId| leads_to(&routes_for(&http, workload), "x.com");
    // A route whose matches all apply to other sources is dropped, and does not become a catch-all;
    // labels are ignored where gateways are named. A match on this workload only is the last route.
    assert_eq!(lead(&subject("w", "a")), ["mesh.com||"]);
    assert_eq!(lead(&subject("w", "b")), ["namespace.com||"]);
    assert_eq!(lead(&subject("other", "a")), ["label.com||"]);
}

#[test]
fn a_route_after_one_for_everything_is_not_there() {
    let config = routes(&format!(
        "{{match: [{{uri: {{prefix: /}}}}], {}}}, {REST}",
        to("all")
    ));
    assert_eq!(leads_to(&config, "x.com"), ["all.com||"]);
}

#[test]
fn weights_subsets_and_ports_are_kept() {
    let config = routes(
        "{name: canary, route: [{destination: {host: s, subset: v1, port: {number: 8000}}, weight: 90}, {destination: {host: s.b.svc.cluster.local}, weight: 10}]}",
    );
    assert_eq!(
        leads_to(&config, "x.com"),
        ["s.a.svc.cluster.local|v1|8000", "s.b.svc.cluster.local||"]
    );
    let route = &host(&config, "x.com").unwrap().routes[0].route;
    let weights: Vec<_> = route
        .destinations()
        .iter()
        .map(WeightedDestination::weight)
        .collect();
    assert_eq!((weights, route.name()), (vec![90, 10], Some("canary")));
}

#[test]
fn retries_are_istios() {
    for (written, expected) in [
        (
            "",
            (
                2,
                "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
                None,
            ),
        ),
        ("retries: {attempts: 0}", (0, "", None)),
        (
            "retries: {attempts: 3, perTryTimeout: 2s}",
            (
                3,
                "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
                Some(2),
            ),
        ),
        (
            "retries: {attempts: 1, retryOn: '5xx,418'}",
            (1, "5xx,retriable-status-codes,418", None),
        ),
    ] {
        let separator = if written.is_empty() { "" } else { ", " };
        let config = routes(&format!("{{{}{separator}{written}}}", to("s")));
        let retry = &host(&config, "x.com").unwrap().routes[0].retry;
        let mut found: Vec<_> = retry
            .retry_on()
            .to_string()
            .split(',')
            .map(str::to_owned)
            .collect();
        let mut wanted: Vec<_> = expected.1.split(',').map(str::to_owned).collect();
        found.sort();
        wanted.sort();
        assert_eq!(retry.attempts(), expected.0, "{written}");
        assert!(expected.0 == 0 || found == wanted, "{written}: {found:?}");
        assert_eq!(
            retry.per_try_timeout(),
            expected.2.map(Duration::from_secs),
            "{written}"
        );
    }
}

#[test]
fn a_timeout_is_the_whole_answers_and_none_is_none() {
    for (written, expected) in [("", 0), (", timeout: 10s", 10)] {
        let config = routes(&format!("{{{}{written}}}", to("s")));
        let timeout = &host(&config, "x.com").unwrap().routes[0].timeout;
        assert_eq!(timeout.total_timeout().as_secs(), expected, "{written}");
    }
}

#[test]
fn copies_go_to_mirrors_without_another_host() {
    let config = routes(&format!(
        "{{{}, mirror: {{host: m, subset: v2}}, mirrorPercentage: {{value: 12.5}}}}",
        to("s")
    ));
    let [(to_v2, policy)] = &host(&config, "x.com").unwrap().routes[0].mirrors[..] else {
        panic!("one mirror")
    };
    assert_eq!(to_v2.to_string(), "m.a.svc.cluster.local|v2|");
    assert_eq!(policy.share().millionths(), 125_000);
    assert!(shown(policy).contains("shadow_host: false"), "{policy:?}");

    let none = routes(&format!(
        "{{{}, mirrors: [{{destination: {{host: m}}, percentage: {{value: 0}}}}, {{destination: {{host: n.com}}}}]}}",
        to("s")
    ));
    let mirrors = &host(&none, "x.com").unwrap().routes[0].mirrors;
    assert_eq!((mirrors.len(), mirrors[0].0.host()), (1, "n.com"));
}

#[test]
fn answers_and_redirects_need_no_destination() {
    let config = routes(
        "{match: [{uri: {prefix: /old}}], redirect: {uri: /new, authority: y.com, redirectCode: 308}}, {directResponse: {status: 418, body: {bytes: aGk=}}, headers: {response: {set: {x-a: b}}}}",
    );
    let [redirect, answer] = &host(&config, "x.com").unwrap().routes[..] else {
        panic!("two routes")
    };
    assert!(shown(&redirect.route).contains("308"), "{redirect:?}");
    let answer = shown(&answer.route);
    let status = StatusCode::IM_A_TEAPOT.as_u16().to_string();
    assert!(
        answer.contains(&status) && answer.contains("b\"hi\"") && answer.contains("x-a"),
        "{answer}"
    );
}

#[test]
fn setting_the_host_header_is_a_rewrite_of_the_host() {
    for http in [
        format!(
            "{{{}, headers: {{request: {{set: {{Host: y.com}}}}}}}}",
            to("s")
        ),
        format!("{{{}, rewrite: {{authority: y.com, uri: /}}}}", to("s")),
        "{route: [{destination: {host: s.com}, headers: {request: {set: {host: y.com}}}}]}"
            .to_owned(),
    ] {
        let route = shown(&host(&routes(&http), "x.com").unwrap().routes[0].route);
        assert!(route.contains("authority: Some(y.com)"), "{route}");
    }
}

#[test]
fn a_delegate_is_merged_into_its_root() {
    let root = "VirtualService a/root: {hosts: [x.com], http: [{name: r, match: [{uri: {prefix: /p}}], delegate: {name: leaf, namespace: b}, timeout: 3s, retries: {attempts: 7}}]}";
    let leaf = "{http: [{name: l, match: [{uri: {exact: /p/q}}], timeout: 5s, route: [{destination: {host: s}}]}, {match: [{uri: {exact: /r}}], route: [{destination: {host: never}}]}]";
    let config =
        meaning(&format!("{root}\nVirtualService b/leaf: {leaf}}}")).outbound(&subject("w", "a"));
    // The second route of the delegate matches requests that the root rejects.
    assert_eq!(leads_to(&config, "x.com"), ["s.b.svc.cluster.local||"]);
    let route = &host(&config, "x.com").unwrap().routes[0];
    assert_eq!(
        (route.route.name(), route.retry.attempts()),
        (Some("r-l"), 7)
    );
    assert_eq!(route.timeout.total_timeout().as_secs(), 5);

    let hidden = meaning(&format!(
        "{root}\nVirtualService b/leaf: {leaf}, exportTo: ['.']}}"
    ));
    assert!(leads_to(&hidden.outbound(&subject("w", "a")), "x.com").is_empty());
}

#[test]
fn faults_have_their_shares() {
    let config = routes(&format!(
        "{{{}, fault: {{delay: {{percent: 5, fixedDelay: 1s}}, abort: {{percentage: {{value: 0.5}}, grpcStatus: UNAVAILABLE}}}}}}",
        to("s")
    ));
    let fault = shown(&host(&config, "x.com").unwrap().routes[0].fault);
    for part in ["Percent(50000)", "1s", "Percent(5000)", "GrpcStatus(14)"] {
        assert!(fault.contains(part), "{part}: {fault}");
    }
}
