//! Sanitation of requests from strangers at a gateway.

use http::{Request, Version};
use http_body_util::Full;
use tower::ServiceExt;

use super::super::{Gateway, TrustedProxies};
use super::support::{Asked, Text, Upstream, send};
use crate::foundation::http::PeerAddress;
use crate::foundation::outcome::Rejection;
use crate::mesh::service_mesh::Mesh;

const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ['*']
    tls: {httpsRedirect: true}
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: ['*']
    tls: {mode: SIMPLE, credentialName: c}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ['*']
  gateways: [gw]
  http:
";
const ROUTE: &str = "  - route: [{destination: {host: shop}}]\n";

fn service_with_ports(ports: &[u16]) -> String {
    let ports: Vec<_> = ports
        .iter()
        .map(|port| format!("{{number: {port}, name: http-{port}, protocol: HTTP}}"))
        .collect();
    format!(
        "---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: shop}}
spec:
  hosts: [shop.default.svc.cluster.local]
  ports: [{}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.9}}]
",
        ports.join(", ")
    )
}

fn documents(routes: &str, ports: &[u16]) -> String {
    format!("{GATEWAY}{routes}{}", service_with_ports(ports))
}

fn gateway(documents: &str) -> Gateway {
    let mesh = Mesh::from_yaml(documents).unwrap();
    mesh.gateway("gw", "default").unwrap().with_port(443)
}

fn request(fields: &[(&str, &str)]) -> Request<Text> {
    let builder = Request::get("/").extension(PeerAddress([192, 0, 2, 1].into()));
    let with = |builder: http::request::Builder, (name, value): &(&str, &str)| {
        builder.header(*name, *value)
    };
    let builder = fields.iter().fold(builder, with);
    builder.body(Full::default()).unwrap()
}

/// Sends a request through a gateway, and returns the answer and what the upstream was asked.
async fn through(
    gateway: &Gateway,
    request: Request<Text>,
) -> (u16, Option<Rejection>, Vec<Asked>) {
    let upstream = Upstream::new(|_| 200);
    let service = gateway.outbound(upstream.clone());
    let (status, rejection) = send(&service, request).await;
    (status, rejection, upstream.asked())
}

async fn asked(gateway: &Gateway, request: Request<Text>) -> Asked {
    let (status, rejection, mut asked) = through(gateway, request).await;
    assert_eq!((status, rejection), (200, None));
    asked.remove(0)
}

fn field<'a>(asked: &'a Asked, name: &str) -> &'a str {
    let value = asked.headers.get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_strangers_scheme_chooses_neither_tls_upstream_nor_whether_to_redirect() {
    let documents = documents(ROUTE, &[8080]);
    let https = gateway(&documents);
    let request = |scheme| request(&[("host", "a.example"), ("x-forwarded-proto", scheme)]);
    for scheme in ["http", "https"] {
        let asked = asked(&https, request(scheme)).await;
        assert_eq!(asked.uri, "http://127.0.0.9:8080/");
        // The listener's own.
        assert_eq!(field(&asked, "x-forwarded-proto"), "https");
    }
    let http = https.clone().with_port(80);
    assert_eq!(through(&http, request("https")).await.0, 301);
    // A listener that ends TLS before it comes here.
    let asked = asked(&http.with_tls(true), request("http")).await;
    assert_eq!(field(&asked, "x-forwarded-proto"), "https");
}

#[tokio::test(start_paused = true)]
async fn a_target_by_https_does_not_choose_tls_upstream() {
    let https = gateway(&documents(ROUTE, &[8080]));
    let mut request = request(&[("host", "b.example")]);
    *request.uri_mut() = "https://me@a.example:9901/x?y".parse().unwrap();
    let asked = asked(&https, request).await;
    assert_eq!(asked.uri, "http://127.0.0.9:8080/x?y");
    assert_eq!(asked.host(), "a.example:9901");
}

#[tokio::test(start_paused = true)]
async fn the_port_that_a_caller_names_chooses_neither_destination_nor_route() {
    let only = gateway(&documents(ROUTE, &[8080]));
    let named = || request(&[("host", "a.example:9901")]);
    assert_eq!(asked(&only, named()).await.uri, "http://127.0.0.9:8080/");

    let unclear = gateway(&documents(ROUTE, &[8080, 9901]));
    let (status, rejection, asked_for) = through(&unclear, named()).await;
    assert_eq!(
        (status, rejection),
        (503, Some(Rejection::UnknownDestination))
    );
    assert!(asked_for.is_empty());

    let routes = "  - match: [{port: 9901}]\n    directResponse: {status: 418}\n  - match: [{port: 443}]\n    route: [{destination: {host: shop, port: {number: 8080}}}]\n";
    let by_port = gateway(&documents(routes, &[8080, 9901]));
    assert_eq!(asked(&by_port, named()).await.uri, "http://127.0.0.9:8080/");
    assert_eq!(
        through(&by_port.with_port(80).with_tls(true), named())
            .await
            .0,
        404
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_for_no_host_is_for_no_route_and_one_for_two_is_refused() {
    let gateway = gateway(&documents(ROUTE, &[8080]));
    let answer = through(&gateway, request(&[])).await;
    assert!(matches!(answer, (400, Some(Rejection::BadRequest(_)), _)));
    let mut old = request(&[]);
    *old.version_mut() = Version::HTTP_10;
    let answer = through(&gateway, old).await;
    assert!(matches!(answer, (404, Some(Rejection::NoRoute), _)));
    for host in [
        &["a.example", "b.example"][..],
        &["a.example", "a.example"],
        &["a b"],
    ] {
        let fields: Vec<_> = host.iter().map(|host| ("host", *host)).collect();
        let answer = through(&gateway, request(&fields)).await;
        assert!(
            matches!(answer, (400, Some(Rejection::BadRequest(_)), _)),
            "{host:?}"
        );
        assert!(answer.2.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_who_the_proxies_say_that_are_trusted() {
    let plain = gateway(&documents(ROUTE, &[8080]));
    let networks = || TrustedProxies::networks(["192.0.2.0/24".parse().unwrap()]);
    let others = || TrustedProxies::networks(["10.0.0.0/8".parse().unwrap()]);
    let hops = TrustedProxies::hops;
    for (trusted, forwarded, caller, keeps_scheme) in [
        (TrustedProxies::none(), "203.0.113.7", "192.0.2.1", false),
        (hops(0), "203.0.113.7", "192.0.2.1", false),
        (hops(1), "198.51.100.1, 203.0.113.7", "203.0.113.7", true),
        (hops(2), "198.51.100.1, 203.0.113.7", "198.51.100.1", true),
        (hops(3), "198.51.100.1, 203.0.113.7", "192.0.2.1", true),
        (hops(1), "unknown", "192.0.2.1", true),
        (
            networks(),
            "198.51.100.1, 203.0.113.7, 192.0.2.9",
            "203.0.113.7",
            true,
        ),
        (
            networks(),
            "203.0.113.7, unknown, 192.0.2.9",
            "192.0.2.1",
            true,
        ),
        (others(), "203.0.113.7", "192.0.2.1", false),
    ] {
        let gateway = plain.clone().with_trusted_proxies(trusted.clone());
        let fields = [
            ("host", "a.example"),
            ("x-envoy-external-address", "6.6.6.6"),
            ("x-forwarded-for", forwarded),
            ("x-forwarded-proto", "http"),
        ];
        let request = request(&fields);
        let asked = asked(&gateway, request).await;
        assert_eq!(
            field(&asked, "x-envoy-external-address"),
            caller,
            "{trusted:?}"
        );
        let appended = format!("{forwarded},192.0.2.1");
        assert_eq!(field(&asked, "x-forwarded-for"), appended);
        let scheme = if keeps_scheme { "http" } else { "https" };
        assert_eq!(field(&asked, "x-forwarded-proto"), scheme, "{trusted:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn addresses_that_no_hop_vouches_for_do_not_go_on() {
    let plain = gateway(&documents(ROUTE, &[8080]));
    let unknown = || {
        let mut request = request(&[("host", "a.example"), ("x-forwarded-for", "6.6.6.6")]);
        request.extensions_mut().remove::<PeerAddress>();
        request
    };
    assert_eq!(
        field(&asked(&plain, unknown()).await, "x-forwarded-for"),
        ""
    );
    // As behind a Unix socket: the proxy at its other end wrote it.
    let behind = plain.with_trusted_proxies(TrustedProxies::hops(1));
    assert_eq!(
        field(&asked(&behind, unknown()).await, "x-forwarded-for"),
        "6.6.6.6"
    );
}

#[tokio::test(start_paused = true)]
async fn limits_by_address_look_at_the_caller_behind_trusted_proxies() {
    let limit = "---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: limit}
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    match: {context: GATEWAY}
    patch:
      operation: INSERT_BEFORE
      value:
        name: envoy.filters.http.local_ratelimit
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
          stat_prefix: limit
          filter_enabled: {default_value: {numerator: 100}}
          filter_enforced: {default_value: {numerator: 100}}
          token_bucket: {max_tokens: 100, fill_interval: 60s}
          rate_limits: [{actions: [{remote_address: {}}]}]
          descriptors:
          - entries: [{key: remote_address}]
            token_bucket: {max_tokens: 1, fill_interval: 60s}
";
    let documents = format!("{}{limit}", documents(ROUTE, &[8080]));
    for (hops, expected) in [(0, [200, 429, 429]), (1, [200, 200, 429])] {
        let gateway = gateway(&documents).with_trusted_proxies(TrustedProxies::hops(hops));
        let service = gateway.outbound(Upstream::new(|_| 200));
        let mut seen = Vec::new();
        for caller in ["203.0.113.1", "203.0.113.2", "203.0.113.1"] {
            let request = request(&[("host", "a.example"), ("x-forwarded-for", caller)]);
            seen.push(send(&service, request).await.0);
        }
        assert_eq!(seen, expected, "{hops} trusted");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_at_the_edge_takes_no_token_and_is_told_to_grpc_in_its_words() {
    let gateway = gateway(&documents(ROUTE, &[8080]));
    let mut call = request(&[("host", "a b"), ("content-type", "application/grpc")]);
    *call.version_mut() = Version::HTTP_2;
    let service = gateway.outbound(Upstream::new(|_| 200));
    let response = service.oneshot(call).await.unwrap();
    assert_eq!(
        (
            response.status().as_u16(),
            &response.headers()["grpc-status"]
        ),
        (200, &"13".parse::<http::HeaderValue>().unwrap())
    );
}

#[tokio::test(start_paused = true)]
async fn cookies_of_http2_are_one_field_to_matches_and_to_upstreams() {
    let routes = "  - match: [{headers: {cookie: {exact: 'a=1; b=2'}}}]\n    route: [{destination: {host: shop}}]\n";
    let gateway = gateway(&documents(routes, &[8080]));
    let cookies = || request(&[("host", "a.example"), ("cookie", "a=1"), ("cookie", "b=2")]);
    let mut joined = cookies();
    *joined.version_mut() = Version::HTTP_2;
    let asked = asked(&gateway, joined).await;
    let lines: Vec<_> = asked.headers.get_all("cookie").iter().collect();
    assert_eq!(lines, ["a=1; b=2"]);
    // Over HTTP/1.1 each line stands for itself.
    assert_eq!(through(&gateway, cookies()).await.0, 404);
}
