//! What callers and upstreams get to see that is neither the caller's request nor the upstream's answer.

use std::io;
use std::sync::{Arc, Mutex};
#[cfg(feature = "hyper")]
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Version};
use http_body_util::{BodyExt, Full};
use meshless::mesh::RequestBody;
use meshless::outcome::BoxError;
use meshless::{Mesh, Rejection};
use tower::{Service, ServiceExt, service_fn};

use crate::support::{Text, Upstream, gateway, get, service_entry, statuses};

const ENDPOINT: &str =
    "location: MESH_INTERNAL, resolution: STATIC, endpoints: [{address: 10.0.0.1}]";

/// A service with one route, for the mesh and for the gateway.
fn backend(route: &str) -> Mesh {
    let route = route.replace('\n', "\n    ");
    let documents = format!(
        "{}{}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: backend}}
spec:
  hosts: [backend.test]
  gateways: [mesh, gw]
  http:
  - route:
    - destination: {{host: backend.test}}
      headers: {{response: {{add: {{x-to: v1}}}}}}
    headers: {{response: {{set: {{x-mine: '1', x-path: '%REQ(:path)%'}}}}}}
    {route}
",
        gateway("gw"),
        service_entry("backend.test", "protocol: HTTP", ENDPOINT),
    );
    Mesh::builder().with_seed(7).read_yaml(&documents).unwrap()
}

/// Heads of the requests that an upstream was sent.
type Asked = Arc<Mutex<Vec<(Version, HeaderMap)>>>;

type Sent = Request<RequestBody<Text>>;

/// An upstream that fails as `fails` says, or else answers 200.
fn upstream(
    asked: &Asked,
    fails: impl Fn() -> Option<BoxError> + Clone + Send + Sync + 'static,
) -> impl Service<
    Sent,
    Response = Response<Text>,
    Error = BoxError,
    Future = impl Future<Output = Result<Response<Text>, BoxError>> + Send,
> + Clone
+ Send
+ Sync
+ 'static {
    let asked = Arc::clone(asked);
    service_fn(move |request: Sent| {
        let head = (request.version(), request.headers().clone());
        asked.lock().unwrap().push(head);
        std::future::ready(fails().map_or_else(
            || {
                let mut response = Response::new(Full::from("hello"));
                *response.version_mut() = Version::HTTP_2;
                Ok(response)
            },
            Err,
        ))
    })
}

fn refused() -> BoxError {
    Box::new(io::Error::from(io::ErrorKind::ConnectionRefused))
}

async fn ask<S, R>(service: &S, request: Request<Text>) -> (Response<()>, String)
where
    S: Service<Request<Text>, Response = Response<R>> + Clone,
    S::Error: std::fmt::Debug,
    R: http_body::Body<Data = Bytes>,
    R::Error: std::fmt::Debug,
{
    let response = service.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    (Response::from_parts(head, ()), text)
}

/// Says that an answer has what the route does to the headers of responses, once.
fn has_routes_headers<R>(response: &Response<R>) -> bool {
    let values = |name| response.headers().get_all(name).iter().collect::<Vec<_>>();
    values("x-mine") == ["1"] && values("x-path") == ["/p"] && values("x-to") == ["v1"]
}

#[tokio::test(start_paused = true)]
async fn an_injected_fault_has_the_headers_that_its_route_sets() {
    for fault in [
        "fault: {abort: {httpStatus: 503, percentage: {value: 100}}}",
        "fault: {delay: {fixedDelay: 1s, percentage: {value: 100}}, abort: {httpStatus: 503, percentage: {value: 100}}}",
        "fault: {delay: {fixedDelay: 1s, percentage: {value: 100}}}",
    ] {
        let mesh = backend(fault);
        let client = mesh.workload("w", "default");
        let (client, gateway) = (
            client.outbound(upstream(&Asked::default(), || None)),
            mesh.gateway("gw", "default").unwrap(),
        );
        let (response, _) = ask(&client, get("http://backend.test/p")).await;
        let status = if fault.contains("abort") { 503 } else { 200 };
        assert_eq!(response.status(), status, "{fault}");
        assert!(has_routes_headers(&response), "{fault}: {response:?}");
        let gateway = gateway.outbound(upstream(&Asked::default(), || None));
        let (response, _) = ask(&gateway, get("http://backend.test/p")).await;
        assert_eq!(response.status(), status, "{fault}");
        assert!(has_routes_headers(&response), "{fault}: {response:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateways_own_503_has_the_headers_of_the_route_and_says_what_happened() {
    const BEFORE: &str = "upstream connect error or disconnect/reset before headers. ";
    let mesh = backend("retries: {attempts: 0}");
    let gateway = mesh.gateway("gw", "default").unwrap();
    let service = gateway.outbound(upstream(&Asked::default(), || Some(refused())));
    let (response, text) = ask(&service, get("http://backend.test/p")).await;
    assert_eq!(response.status(), 503);
    assert!(has_routes_headers(&response), "{response:?}");
    assert_eq!(
        text,
        format!("{BEFORE}reset reason: remote connection failure")
    );
    assert_eq!(Rejection::of(&response).unwrap().flag(), "UF");

    let mesh = backend("retries: {attempts: 1, retryOn: connect-failure}");
    let gateway = mesh.gateway("gw", "default").unwrap();
    let asked = Asked::default();
    let service = gateway.outbound(upstream(&asked, || Some(refused())));
    let (response, text) = ask(&service, get("http://backend.test/p")).await;
    assert!(has_routes_headers(&response), "{response:?}");
    let reason = "retried and the latest reset reason: remote connection failure";
    assert_eq!(text, format!("{BEFORE}{reason}"));
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[cfg(feature = "hyper")]
#[tokio::test(start_paused = true)]
async fn a_gateway_tells_a_connection_that_was_not_made_in_time_from_one_that_was_refused() {
    let late = || -> BoxError {
        let limit = Duration::from_secs(1);
        Box::new(meshless::pool::Error::ConnectTimeout(limit))
    };
    for (retries, text) in [
        ("attempts: 0", "reset reason: connection timeout"),
        (
            "attempts: 1, retryOn: connect-failure",
            "retried and the latest reset reason: connection timeout",
        ),
    ] {
        let mesh = backend(&format!("retries: {{{retries}}}"));
        let gateway = mesh.gateway("gw", "default").unwrap();
        let service = gateway.outbound(upstream(&Asked::default(), move || Some(late())));
        let (response, got) = ask(&service, get("http://backend.test/p")).await;
        assert_eq!(response.status(), 503);
        assert!(got.ends_with(text), "{got}");
        assert_eq!(Rejection::of(&response).unwrap().flag(), "UF");
    }
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_no_document_describes_is_answered_with_the_headers_of_the_route() {
    let mesh = Mesh::from_yaml(&format!(
        "{}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: backend}}
spec:
  hosts: [backend.test]
  gateways: [gw]
  http:
  - route:
    - destination: {{host: backend.test, subset: none}}
    headers: {{response: {{set: {{x-mine: '1'}}}}}}
",
        gateway("gw"),
    ))
    .unwrap();
    let gateway = mesh.gateway("gw", "default").unwrap();
    let service = gateway.outbound(upstream(&Asked::default(), || None));
    let (response, _) = ask(&service, get("http://backend.test/p")).await;
    assert_eq!(response.status(), 503);
    assert_eq!(
        Rejection::of(&response),
        Some(&Rejection::UnknownDestination)
    );
    assert_eq!(response.headers()["x-mine"], "1");
}

/// The headers by which a caller would tell a proxy what to do.
const TO_A_PROXY: [&str; 12] = [
    "x-envoy-attempt-count",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-max-retries",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-stream-duration-ms",
];

fn to_a_proxy() -> Request<Text> {
    let mut request = get("http://backend.test/p");
    for name in TO_A_PROXY {
        request.headers_mut().insert(name, "9".parse().unwrap());
    }
    let mine = "x-envoy-mine".parse::<http::HeaderName>().unwrap();
    request.headers_mut().insert(mine, "1".parse().unwrap());
    request
}

#[tokio::test(start_paused = true)]
async fn headers_to_a_proxy_are_taken_off_and_the_tries_are_counted_whatever_the_caller_says() {
    for retries in [
        "retries: {attempts: 0}",
        "retries: {attempts: 2}",
        "timeout: 5s",
    ] {
        let mesh = backend(retries);
        let asked = Asked::default();
        let client = mesh.workload("w", "default");
        let client = client.outbound(upstream(&asked, || None));
        ask(&client, to_a_proxy()).await;
        let gateway = mesh.gateway("gw", "default").unwrap();
        let gateway = gateway.outbound(upstream(&asked, || None));
        ask(&gateway, to_a_proxy()).await;
        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), 2);
        for (at_gateway, (_, headers)) in [false, true].into_iter().zip(&*asked) {
            let counts: Vec<_> = headers.get_all("x-envoy-attempt-count").iter().collect();
            assert_eq!(counts, ["1"], "{retries}");
            for name in &TO_A_PROXY[1..] {
                assert!(!headers.contains_key(*name), "{retries}: {name}");
            }
            // It is not for a proxy; of what strangers send, a gateway removes all of the prefix.
            assert_ne!(headers.contains_key("x-envoy-mine"), at_gateway);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_counts_as_a_first_try_too() {
    let mesh = backend(
        "retries: {attempts: 0}\nmirror: {host: backend.test}\nmirrorPercentage: {value: 100}",
    );
    let asked = Asked::default();
    let client = mesh.workload("w", "default");
    let client = client.outbound(upstream(&asked, || None));
    ask(&client, to_a_proxy()).await;
    while asked.lock().unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    for (_, headers) in &*asked.lock().unwrap() {
        assert_eq!(headers["x-envoy-attempt-count"], "1");
        assert!(!headers.contains_key("x-envoy-retry-on"));
    }
}

#[tokio::test(start_paused = true)]
async fn each_hop_speaks_its_own_version() {
    let mesh = backend("timeout: 5s");
    for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
        let asked = Asked::default();
        let gateway = mesh.gateway("gw", "default").unwrap();
        let gateway = gateway.outbound(upstream(&asked, || None));
        let mut request = get("http://backend.test/p");
        *request.version_mut() = version;
        let (response, _) = ask(&gateway, request).await;
        assert_eq!(response.version(), Version::HTTP_11, "the server's to say");
        assert_eq!(asked.lock().unwrap()[0].0, Version::HTTP_11, "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_refuses_protocols_that_it_does_not_pass_on_and_closes() {
    let mesh = backend("timeout: 5s");
    let upgrade = |connection: &'static str, protocol: &'static str| {
        let mut request = get("http://backend.test/p");
        let headers = request.headers_mut();
        headers.insert("connection", connection.parse().unwrap());
        headers.insert("upgrade", protocol.parse().unwrap());
        headers.insert("http2-settings", "AAMAAABk".parse().unwrap());
        request
    };
    // The last has no server that could hand its connection out.
    for (connection, protocol) in [
        ("upgrade", "foo"),
        ("Upgrade", "websocket, foo"),
        ("keep-alive, Upgrade", "foo, websocket"),
        ("upgrade", "websocket"),
    ] {
        let asked = Asked::default();
        let gateway = mesh.gateway("gw", "default").unwrap();
        let gateway = gateway.outbound(upstream(&asked, || None));
        let (response, text) = ask(&gateway, upgrade(connection, protocol)).await;
        assert_eq!(
            (response.status().as_u16(), &*text),
            (403, ""),
            "{protocol}"
        );
        assert_eq!(response.headers()["connection"], "close");
        assert!(has_routes_headers(&response), "{response:?}");
        assert_eq!(Rejection::of(&response), Some(&Rejection::UpgradeRefused));
        assert!(asked.lock().unwrap().is_empty());
    }
    for (connection, protocol) in [
        ("Upgrade, HTTP2-Settings", "h2c"),
        ("http2-settings", "foo"),
        ("http2-settings", "websocket"),
    ] {
        let asked = Asked::default();
        let gateway = mesh.gateway("gw", "default").unwrap();
        let gateway = gateway.outbound(upstream(&asked, || None));
        let (response, _) = ask(&gateway, upgrade(connection, protocol)).await;
        assert_eq!(response.status(), 200, "{connection}: {protocol}");
        let headers = &asked.lock().unwrap()[0].1;
        for name in ["connection", "http2-settings", "upgrade"] {
            assert!(!headers.contains_key(name), "{protocol}: {name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_route_is_for_connect() {
    let mesh = backend("timeout: 5s");
    let asked = Asked::default();
    let gateway = mesh.gateway("gw", "default").unwrap();
    let gateway = gateway.outbound(upstream(&asked, || None));
    let request = Request::builder().method(Method::CONNECT);
    let request = request.uri("backend.test:443").body(Text::default());
    let (response, _) = ask(&gateway, request.unwrap()).await;
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["connection"], "close");
    assert!(asked.lock().unwrap().is_empty());
}

/// The limit of a gateway's filter, and another for one of its routes.
fn two_buckets(of_route: &str) -> Mesh {
    let documents = format!(
        "{}{}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: backend}}
spec:
  hosts: [backend.test]
  gateways: [gw]
  http:
  - name: limited
    match: [{{uri: {{prefix: /limited}}}}]
    headers: {{response: {{set: {{x-mine: '1'}}}}}}
    route: [{{destination: {{host: backend.test}}}}]
  - name: free
    headers: {{response: {{set: {{x-mine: '2'}}}}}}
    route: [{{destination: {{host: backend.test}}}}]
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {{name: patch}}
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    match: {{context: GATEWAY}}
    patch:
      operation: INSERT_BEFORE
      value:
        name: envoy.filters.http.local_ratelimit
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
          stat_prefix: limit
          token_bucket: {{max_tokens: 3, fill_interval: 60s}}
          filter_enabled: {{default_value: {{numerator: 100}}}}
          filter_enforced: {{default_value: {{numerator: 100}}}}
  - applyTo: HTTP_ROUTE
    match: {{context: GATEWAY, routeConfiguration: {{vhost: {{name: 'backend.test:80', route: {{name: limited}}}}}}}}
    patch:
      operation: MERGE
      value:
{of_route}
",
        gateway("gw"),
        service_entry("backend.test", "protocol: HTTP", ENDPOINT),
    );
    Mesh::builder().with_seed(7).read_yaml(&documents).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_routes_bucket_stands_in_place_of_the_filters_at_a_gateway_as_for_a_client() {
    let mesh = two_buckets(
        "        typed_per_filter_config:
          envoy.filters.http.local_ratelimit:
            '@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
            stat_prefix: limit
            token_bucket: {max_tokens: 2, fill_interval: 60s}
            filter_enabled: {default_value: {numerator: 100}}
            filter_enforced: {default_value: {numerator: 100}}",
    );
    let gateway = mesh.gateway("gw", "default").unwrap();
    let gateway = gateway.outbound(Upstream::new(|_| 200));
    let (limited, free) = ("http://backend.test/limited", "http://backend.test/free");
    assert_eq!(statuses(&gateway, limited, 4).await, [200, 200, 429, 429]);
    assert_eq!(statuses(&gateway, free, 5).await, [200, 200, 200, 429, 429]);
    assert_eq!(statuses(&gateway, limited, 2).await, [429, 429]);
    let (response, _) = ask(&gateway, get(limited)).await;
    assert_eq!(response.headers()["x-mine"], "1", "a refusal too");
    let (response, _) = ask(&gateway, get(free)).await;
    assert_eq!(
        response.headers()["x-mine"],
        "2",
        "one of the filter's, too"
    );
    // What no route is for takes from the filter's: all 404s count.
    assert_eq!(statuses(&gateway, "http://other.test/", 1).await, [429]);
}

#[tokio::test(start_paused = true)]
async fn a_routes_descriptors_stand_in_place_of_the_filters_bucket_at_a_gateway() {
    let mesh = two_buckets(
        "        typed_per_filter_config:
          envoy.filters.http.local_ratelimit:
            '@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
            stat_prefix: limit
            token_bucket: {max_tokens: 100, fill_interval: 60s}
            filter_enabled: {default_value: {numerator: 100}}
            filter_enforced: {default_value: {numerator: 100}}
            rate_limits: [{actions: [{header_value_match: {descriptor_value: gold, headers: [{name: x-plan, string_match: {exact: gold}}]}}]}]
            descriptors:
            - entries: [{key: header_match, value: gold}]
              token_bucket: {max_tokens: 4, fill_interval: 60s}",
    );
    let gateway = mesh.gateway("gw", "default").unwrap();
    let gateway = gateway.outbound(Upstream::new(|_| 200));
    let mut got = Vec::new();
    for _ in 0..6 {
        let mut request = get("http://backend.test/limited");
        let plan = "x-plan".parse::<http::HeaderName>().unwrap();
        request.headers_mut().insert(plan, "gold".parse().unwrap());
        got.push(ask(&gateway, request).await.0.status().as_u16());
    }
    assert_eq!(got, [200, 200, 200, 200, 429, 429]);
    let free = "http://backend.test/free";
    assert_eq!(statuses(&gateway, free, 4).await, [200, 200, 200, 429]);
}
