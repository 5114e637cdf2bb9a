//! `corsPolicy` of routes: at a gateway, and for the client of a workload.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use meshless::Mesh;
use tower::ServiceExt;

use crate::support::{Text, Upstream};

const DOCUMENTS: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ['shop.test']
  gateways: [mesh, edge]
  http:
  - match: [{uri: {prefix: /old}}]
    redirect: {uri: /new}
    corsPolicy: &cors
      allowOrigins: [{exact: 'https://a'}, {prefix: 'https://b.'}]
      allowMethods: [GET, PUT]
      allowHeaders: [x-a]
      exposeHeaders: [x-b]
      maxAge: 24h
      allowCredentials: true
  - match: [{uri: {prefix: /strict}}]
    route: [{destination: {host: shop.test, port: {number: 80}}}]
    corsPolicy: {allowOrigin: ['https://a'], unmatchedPreflights: IGNORE}
  - route: [{destination: {host: shop.test, port: {number: 80}}}]
    fault: {abort: {httpStatus: 418, percentage: {value: 0}}}
    corsPolicy: *cors
";

fn request(method: &str, path: &str, origin: &str) -> Request<Text> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://shop.test{path}"))
        .header("host", "shop.test")
        .header("origin", origin);
    if method == "OPTIONS" {
        request = request.header("access-control-request-method", "PUT");
    }
    request.body(Full::<Bytes>::default()).unwrap()
}

/// Returns the headers of CORS of a response, in one line.
fn seen<B>(response: &Response<B>) -> String {
    let headers = response.headers().iter();
    let own = headers.filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix("access-control-")?;
        Some(format!(" {name}={}", value.to_str().unwrap()))
    });
    let mut own: Vec<_> = own.collect();
    own.sort();
    format!("{}{}", response.status().as_u16(), own.concat())
}

#[tokio::test]
async fn preflights_are_answered_and_responses_name_the_origin() {
    let mesh = Mesh::from_yaml(DOCUMENTS).unwrap();
    let upstream = Upstream::new(|uri| if uri.ends_with("/gone") { 0 } else { 200 });
    let gateway = mesh.gateway("edge", "default").unwrap();
    let gateway = gateway.outbound::<_, Text>(upstream.clone());
    let own = "allow-credentials=true allow-origin=https://a";
    for (method, path, origin, expected) in [
        (
            "GET",
            "/",
            "https://a",
            format!("200 {own} expose-headers=x-b"),
        ),
        ("GET", "/", "https://c", "200".to_owned()),
        (
            "OPTIONS",
            "/",
            "https://b.com",
            "200 allow-credentials=true allow-headers=x-a allow-methods=GET,PUT \
             allow-origin=https://b.com max-age=86400"
                .to_owned(),
        ),
        // Answered by the upstream.
        ("OPTIONS", "/", "https://c", "200".to_owned()),
        ("OPTIONS", "/strict", "https://c", "200".to_owned()),
        (
            "GET",
            "/strict",
            "https://a",
            "200 allow-origin=https://a".to_owned(),
        ),
        // A redirect has no CORS.
        ("OPTIONS", "/old", "https://a", "301".to_owned()),
        // The reply of the gateway has it.
        (
            "GET",
            "/gone",
            "https://a",
            format!("503 {own} expose-headers=x-b"),
        ),
    ] {
        let response = gateway.clone().oneshot(request(method, path, origin));
        assert_eq!(
            seen(&response.await.unwrap()),
            expected,
            "{method} {path} {origin}"
        );
    }
    let asked = upstream.asked();
    let paths: Vec<_> = asked
        .iter()
        .map(|uri| uri.rsplit('/').next().unwrap())
        .collect();
    assert!(!paths.contains(&"old"));
    // The ignored preflight, and that of an allowed origin, did not get there.
    assert_eq!(paths.iter().filter(|path| **path == "strict").count(), 1);

    let client = mesh
        .workload("cart", "default")
        .outbound::<_, Text>(upstream);
    let response = client
        .oneshot(request("OPTIONS", "/", "https://a"))
        .await
        .unwrap();
    assert_eq!(response.headers()["access-control-max-age"], "86400");
}
