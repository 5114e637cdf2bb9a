//! The page for operators, asked in process.

mod actions;
mod data;
mod protection;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, Response, StatusCode};
use meshless::Mesh;
use meshless::admin::Token;
use serde_json::Value;
use tower::ServiceExt;

use crate::support::{destination_rule, document, service_entry};

const TOKEN: &str = "0123456789abcdef-for-tests";

/// Documents of one host with two endpoints, which are ejected at their first failure, and a canary.
fn documents() -> String {
    let endpoints = "resolution: STATIC, endpoints: [{address: 10.0.0.1, labels: {version: v1}}, \
                     {address: 10.0.0.2, labels: {version: v2}}]";
    let split = "{hosts: [users.internal], http: [{name: canary, timeout: 5s, route: [\
                 {destination: {host: users.internal, subset: v1}, weight: 90}, \
                 {destination: {host: users.internal, subset: v2}, weight: 10}]}]}";
    let rule = "{host: users.internal, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}], \
                trafficPolicy: {outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 100}}}";
    service_entry("users.internal", "protocol: HTTP", endpoints)
        + &document("VirtualService", "users", split)
        + &document("DestinationRule", "users", rule)
}

/// Documents of one host without a canary.
fn plain() -> String {
    let endpoints = "resolution: STATIC, endpoints: [{address: 10.0.0.1}, {address: 10.0.0.2}]";
    let rule = "outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 100}";
    service_entry("users.internal", "protocol: HTTP", endpoints)
        + &destination_rule("users.internal", rule)
}

fn mesh(documents: &str) -> Mesh {
    Mesh::builder().with_seed(1).read_yaml(documents).unwrap()
}

fn token() -> Token {
    Token::new(TOKEN).unwrap()
}

/// Asks as a browser at the page does, or curl.
fn asked(method: &str, path: &str) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path);
    request.header("host", "127.0.0.1:9901")
}

async fn send(page: &Router, request: Request<Body>) -> Response<Body> {
    page.clone().oneshot(request).await.unwrap()
}

async fn get(page: &Router, path: &str) -> (StatusCode, HeaderMap, String) {
    answer(send(page, asked("GET", path).body(Body::empty()).unwrap()).await).await
}

async fn answer(response: Response<Body>) -> (StatusCode, HeaderMap, String) {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 16 << 20).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    (parts.status, parts.headers, text)
}

async fn json(page: &Router, path: &str) -> Value {
    let (status, headers, text) = get(page, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {text}");
    assert_eq!(headers["content-type"], "application/json");
    serde_json::from_str(&text).unwrap()
}
