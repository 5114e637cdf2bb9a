//! Scopes of local rate limits, and the requests that they count.

use std::cell::Cell;
use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use tower::{Layer, ServiceExt, service_fn};

use super::{host, meaning, shown, subject};
use crate::istio::config::LocalRateLimitConfig;
use crate::policies::rate_limit::RateLimitLayer;

const TYPE: &str = "\"@type\": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, stat_prefix: rl";
const ON: &str = "filter_enabled: {default_value: {numerator: 100}}, filter_enforced: {default_value: {numerator: 100}}";

fn bucket(tokens: u32) -> String {
    format!("token_bucket: {{max_tokens: {tokens}, tokens_per_fill: 1, fill_interval: 3600s}}")
}

/// An `EnvoyFilter` with one patch of the HTTP filter chain.
fn filter(place: &str, context: &str, config: &str) -> String {
    format!(
        "EnvoyFilter {place}: {{configPatches: [{{applyTo: HTTP_FILTER, match: {{context: {context}}}, patch: {{operation: INSERT_FIRST, value: {{name: envoy.filters.http.local_ratelimit, typed_config: {{{TYPE}, {config}}}}}}}}}]}}\n"
    )
}

/// An `EnvoyFilter` with one patch of a route or a virtual host.
fn route_filter(place: &str, apply_to: &str, matches: &str, value: &str) -> String {
    format!(
        "EnvoyFilter {place}: {{configPatches: [{{applyTo: {apply_to}, match: {{{matches}}}, patch: {{operation: MERGE, value: {{{value}}}}}}}]}}\n"
    )
}

fn per_filter(config: &str) -> String {
    format!("typed_per_filter_config: {{envoy.filters.http.local_ratelimit: {{{TYPE}, {config}}}}}")
}

/// Returns the number of requests that pass the limits, one inside the other.
async fn let_in(
    limits: &[LocalRateLimitConfig],
    requests: usize,
    request: impl Fn() -> Request<()>,
) -> usize {
    let layers: Vec<_> = limits
        .iter()
        .map(|limit| RateLimitLayer::new(limit.policy.clone()))
        .collect();
    let mut passed = 0;
    for _ in 0..requests {
        let mut is_refused = false;
        for layer in &layers {
            let inner = service_fn(async |_: Request<()>| {
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            });
            let response = layer.layer(inner).oneshot(request()).await.unwrap();
            if response.status() != StatusCode::OK {
                is_refused = true;
                break;
            }
        }
        passed += usize::from(!is_refused);
    }
    passed
}

fn get(uri: &str) -> Request<()> {
    Request::builder().uri(uri).body(()).unwrap()
}

#[test]
fn a_limit_holds_in_its_direction_and_namespace() {
    for (place, context, expected) in [
        ("a/f", "SIDECAR_INBOUND", (1, 0, 0)),
        ("a/f", "SIDECAR_OUTBOUND", (0, 1, 0)),
        ("a/f", "ANY", (1, 1, 0)),
        ("b/f", "ANY", (0, 0, 0)),
        ("istio-system/f", "GATEWAY", (0, 0, 1)),
        ("istio-system/f", "ANY", (1, 1, 1)),
    ] {
        let text = filter(place, context, &format!("{}, {ON}", bucket(1)))
            + "Gateway a/gw: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}";
        let meaning = meaning(&text);
        let workload = subject("w", "a");
        let found = (
            meaning.inbound(&workload).limits.len(),
            meaning.outbound(&workload).limits.len(),
            meaning.gateway("gw", "a").unwrap().inbound.limits.len(),
        );
        // The gateway is in the namespace `a` too.
        let expected = if place == "a/f" && context == "ANY" {
            (1, 1, 1)
        } else {
            expected
        };
        assert_eq!(found, expected, "{place} {context}");
    }
}

#[test]
fn a_selector_chooses_workloads() {
    let text = filter("a/f", "SIDECAR_INBOUND", &format!("{}, {ON}", bucket(1))).replace(
        "{configPatches",
        "{workloadSelector: {labels: {app: w}}, configPatches",
    );
    let meaning = meaning(&text);
    assert_eq!(meaning.inbound(&subject("w", "a")).limits.len(), 1);
    assert!(meaning.inbound(&subject("other", "a")).limits.is_empty());
    let id = &meaning.inbound(&subject("w", "a")).limits[0].id;
    assert_eq!(&**id, "EnvoyFilter a/f[0.0] all");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_said_at_all_limits_and_what_is_only_counted_is_let_in() {
    for (on, expected) in [
        ("", 2),
        (", filter_enabled: {default_value: {numerator: 100}}", 5),
        (", filter_enforced: {default_value: {numerator: 100}}", 2),
        (", filter_enabled: {default_value: {numerator: 0}}", 5),
        (", filter_enforced: {default_value: {numerator: 0}}", 5),
    ] {
        let text = filter("a/f", "SIDECAR_INBOUND", &format!("{}{on}", bucket(2)));
        let limits = meaning(&text).inbound(&subject("w", "a")).limits;
        assert_eq!(let_in(&limits, 5, || get("/")).await, expected, "{on}");
    }
}

#[test]
fn the_answer_is_as_it_is_written() {
    let text = filter(
        "a/f",
        "SIDECAR_INBOUND",
        &format!(
            "{}, status: {{code: ServiceUnavailable}}, enable_x_ratelimit_headers: DRAFT_VERSION_03, rate_limited_as_resource_exhausted: true, response_headers_to_add: [{{header: {{key: x-a, value: b}}}}]",
            bucket(1)
        ),
    );
    let policy = shown(&meaning(&text).inbound(&subject("w", "a")).limits[0].policy);
    for part in ["503", "Envoy", "GrpcStatus(8)", "x-a"] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_of_the_server_takes_the_place_of_the_filter() {
    let stub = filter("a/stub", "SIDECAR_INBOUND", &bucket(1));
    let matches = "context: SIDECAR_INBOUND, routeConfiguration: {vhost: {name: 'inbound|http|8080', route: {name: default}}}";
    let config = per_filter(&format!("{}, {ON}", bucket(3)));
    let text = stub + &route_filter("a/route", "HTTP_ROUTE", matches, &config);
    let limits = meaning(&text).inbound(&subject("w", "a")).limits;
    assert_eq!((limits.len(), limits[0].port), (1, Some(8080)));
    assert_eq!(let_in(&limits, 5, || get("/")).await, 3);
}

#[tokio::test(start_paused = true)]
async fn descriptors_count_what_the_actions_of_the_route_say() {
    let descriptors = "descriptors: [{entries: [{key: path, value: slow}], token_bucket: {max_tokens: 1, tokens_per_fill: 1, fill_interval: 3600s}}, {entries: [{key: user}], token_bucket: {max_tokens: 2, tokens_per_fill: 1, fill_interval: 60s}}]";
    let actions = "route: {rate_limits: [{actions: [{header_value_match: {descriptor_key: path, descriptor_value: slow, headers: [{name: ':path', string_match: {prefix: /slow}}]}}]}, {actions: [{request_headers: {header_name: x-user, descriptor_key: user}}]}]}";
    let config = per_filter(&format!(
        "{}, {ON}, always_consume_default_token_bucket: false, {descriptors}",
        bucket(4)
    ));
    let text = route_filter(
        "a/f",
        "HTTP_ROUTE",
        "context: SIDECAR_INBOUND",
        &format!("{actions}, {config}"),
    );
    let limits = meaning(&text).inbound(&subject("w", "a")).limits;
    let ids: Vec<_> = limits
        .iter()
        .map(|limit| limit.id.rsplit("] ").next().unwrap())
        .collect();
    assert_eq!(ids, ["descriptor 0", "descriptor 1", "all"]);

    assert_eq!(let_in(&limits, 3, || get("/slow?x=1")).await, 1);
    // Each user has a bucket of two.
    let turn = Cell::new(0);
    let of_three = || {
        turn.set(turn.get() + 1);
        let user = format!("user-{}", turn.get() % 3);
        Request::builder()
            .uri("/")
            .header("x-user", user)
            .body(())
            .unwrap()
    };
    assert_eq!(let_in(&limits, 12, of_three).await, 6);
    assert_eq!(let_in(&limits, 9, || get("/")).await, 4);
}

#[tokio::test(start_paused = true)]
async fn a_route_of_a_caller_is_found_by_host_port_and_name() {
    let service = "VirtualService a/v: {hosts: [x.com], http: [{name: one, match: [{uri: {prefix: /1}}], route: [{destination: {host: x.com}}]}, {name: two, route: [{destination: {host: x.com}}]}]}\n";
    let config = per_filter(&bucket(1));
    let on = |matches: &str, kind: &str| {
        let matches = format!("context: SIDECAR_OUTBOUND, routeConfiguration: {{{matches}}}");
        meaning(&(service.to_owned() + &route_filter("a/f", kind, &matches, &config)))
    };
    let counts = |meaning: &crate::istio::translation::ConfigModel| -> Vec<usize> {
        let config = meaning.outbound(&subject("w", "a"));
        let routes = &host(&config, "x.com").unwrap().routes;
        assert!(
            routes
                .iter()
                .all(|route| route.limits_replace != route.limits.is_empty())
        );
        routes.iter().map(|route| route.limits.len()).collect()
    };
    let one = on(
        "vhost: {name: 'x.com:80', route: {name: one}}",
        "HTTP_ROUTE",
    );
    assert_eq!(counts(&one), [1, 0]);
    assert_eq!(
        counts(&on("vhost: {name: 'x.com:80'}", "VIRTUAL_HOST")),
        [1, 1]
    );
    assert_eq!(
        counts(&on("vhost: {name: 'y.com:80'}", "VIRTUAL_HOST")),
        [0, 0]
    );

    let config = one.outbound(&subject("w", "a"));
    let limits = &host(&config, "x.com").unwrap().routes[0].limits;
    // The port of the virtual host is that of the request's authority.
    assert_eq!(let_in(limits, 3, || get("http://x.com:81/1")).await, 3);
    assert_eq!(let_in(limits, 3, || get("http://x.com/1")).await, 1);
}

#[test]
fn all_shapes_are_read() {
    let struct_of = |kind: &str, value: &str| {
        let wrapped = format!(
            "\"@type\": type.googleapis.com/{kind}, type_url: type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, value: {{{value}}}"
        );
        filter("a/f", "ANY", "").replace(&format!("{TYPE}, "), &wrapped)
    };
    for text in [
        struct_of(
            "udpa.type.v1.TypedStruct",
            &format!("stat_prefix: rl, {}", bucket(1)),
        ),
        struct_of(
            "xds.type.v3.TypedStruct",
            "statPrefix: rl, tokenBucket: {maxTokens: 1, tokensPerFill: 1, fillInterval: {seconds: 3600}}",
        ),
    ] {
        let plain = filter("a/f", "ANY", &bucket(1));
        let policy =
            |text: &str| shown(&meaning(text).inbound(&subject("w", "a")).limits[0].policy);
        assert_eq!(policy(&text), policy(&plain), "{text}");
    }
}
