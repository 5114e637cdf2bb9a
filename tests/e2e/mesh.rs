//! A mesh around real clients and servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::axum::Router;
use ::axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::Full;
use meshless::client::Error;
use meshless::{Mesh, Rejection};
use tower::ServiceExt;

use crate::bad::{Bad, Manner};
use crate::support::{Server, service_entry};

/// Says where the servers listen, which no document could know before.
fn entry(host: &str, address: std::net::SocketAddr) -> String {
    let (ip, port) = (address.ip(), address.port());
    service_entry(
        &format!("{host}.internal"),
        &format!("protocol: HTTP, targetPort: {port}"),
        &format!("resolution: STATIC, endpoints: [{{address: {ip}, ports: {{http: {port}}}}}]"),
    )
}

#[tokio::test]
async fn a_service_calls_another_by_its_name_and_leaves_it_alone_when_it_fails() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let users = Router::new().route(
        "/name",
        get(move |headers: HeaderMap| async move {
            count.fetch_add(1, Ordering::Relaxed);
            match headers.get("host").unwrap().to_str().unwrap() {
                "users.internal" => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::OK,
            }
        }),
    );
    let server = Server::axum(users).await;
    let rule = "
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: users}
spec:
  host: users.internal
  trafficPolicy:
    connectionPool: {tcp: {connectTimeout: 1s, maxConnections: 10}}
    outlierDetection: {consecutive5xxErrors: 2, maxEjectionPercent: 100}
";
    let documents = format!("{}{rule}", entry("users", server.address()));
    let mesh = Mesh::from_yaml(&documents).unwrap();
    let client = mesh
        .workload("waste", "default")
        .client_with(|| reqwest::Client::builder().no_proxy())
        .unwrap();
    for _ in 0..2 {
        let response = client
            .get("http://users.internal/name")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 500);
    }
    let refused = client
        .get("http://users.internal/name")
        .send()
        .await
        .unwrap_err();
    let Error::Rejected { rejection, .. } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(rejection, Rejection::NoHealthyUpstream);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    let past = client.get(server.url("/name")).send().await.unwrap();
    assert_eq!(past.status(), 200, "nothing is said of its address");
}

#[tokio::test]
async fn an_ingress_is_served_by_axum_and_a_workloads_limits_stand_before_its_routes() {
    let limit = "
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: limit}
spec:
  workloadSelector: {labels: {app: users}}
  configPatches:
  - applyTo: HTTP_FILTER
    match: {context: SIDECAR_INBOUND}
    patch:
      operation: INSERT_BEFORE
      value:
        name: envoy.filters.http.local_ratelimit
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
          stat_prefix: limit
          token_bucket: {max_tokens: 2, tokens_per_fill: 2, fill_interval: 3600s}
          filter_enabled: {default_value: {numerator: 100}}
          filter_enforced: {default_value: {numerator: 100}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ingress}
spec:
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [api.example.com]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api}
spec:
  hosts: [api.example.com]
  gateways: [ingress]
  http:
  - match: [{uri: {prefix: /users/}}]
    rewrite: {uri: /}
    route:
    - destination: {host: users.internal}
";
    let inbound = Mesh::from_yaml(limit).unwrap();
    let users = Router::new()
        .route("/name", get(|| async { "Ada" }))
        .layer(inbound.workload("users", "default").server());
    let users = Server::axum(users).await;
    let documents = format!("{limit}{}", entry("users", users.address()));
    let mesh = Mesh::from_yaml(&documents).unwrap();
    let gateway = mesh.gateway("ingress", "default").unwrap();
    let service = gateway
        .service_with(|| reqwest::Client::builder().no_proxy())
        .unwrap();
    let ingress = Server::axum(Router::new().fallback_service(service)).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask =
        |path: &str, host: &'static str| client.get(ingress.url(path)).header("host", host).send();
    let answer = ask("/users/name", "api.example.com").await.unwrap();
    assert_eq!(
        (answer.status(), answer.text().await.unwrap().as_str()),
        (StatusCode::OK, "Ada")
    );
    assert_eq!(
        ask("/other", "api.example.com").await.unwrap().status(),
        404
    );
    assert_eq!(
        ask("/users/name", "other.example.com")
            .await
            .unwrap()
            .status(),
        404
    );
    assert_eq!(
        ask("/users/name", "api.example.com")
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        ask("/users/name", "api.example.com")
            .await
            .unwrap()
            .status(),
        429
    );
}

#[tokio::test]
async fn an_ingress_answers_502_for_an_upstream_that_speaks_no_http() {
    let gateway = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ingress}
spec:
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [api.example.com]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api}
spec:
  hosts: [api.example.com]
  gateways: [ingress]
  http:
  - route:
    - destination: {host: users.internal}
";
    let users = Bad::start(Manner::AnswersNonsense).await;
    let documents = format!("{gateway}{}", entry("users", users.address()));
    let mesh = Mesh::from_yaml(&documents).unwrap();
    let gateway = mesh.gateway("ingress", "default").unwrap();
    let service = gateway.service_with(|| reqwest::Client::builder().no_proxy());
    let request = Request::get("/").header("host", "api.example.com");
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let response = service.unwrap().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(users.arrived("GET"), 1);
    users.stop().await;
}
