//! Routes, header matches and hosts, as Envoy and gRPC decide about them.

mod envoy_headers;
mod envoy_routes;
mod grpc_matchers;
mod lower;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::Ipv4Addr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use meshless::rate_limit::PeerAddress;
use meshless::traffic_split::{TrafficSplitLayer, TrafficSplitPolicy};
use serde_json::Value;
use tower::{Layer, Service, service_fn};

type Body = Empty<Bytes>;

/// Sends a request through the layer, and returns what the upstream got of it, or the answer.
async fn send(policy: TrafficSplitPolicy, request: Request<()>) -> Result<Request<()>, Answer> {
    let mut seen = None;
    let upstream = service_fn(|request: Request<()>| {
        seen = Some(request);
        let answer: Ready<Result<Response<Body>, Infallible>> = ready(Ok(Response::default()));
        answer
    });
    let layer = TrafficSplitLayer::new(policy).with_host_preserved(true);
    let response = layer.layer(upstream).call(request).await.unwrap();
    seen.ok_or_else(|| response.map(drop))
}

type Answer = Response<()>;

/// Builds a request of the headers of a case, of which some are pseudo headers; none if the crate
/// `http` cannot hold it.
fn request(headers: &Value) -> Option<Request<()>> {
    let pairs = pairs(headers);
    let find = |name: &str| {
        pairs
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| *value)
    };
    let mut request = Request::builder()
        .extension(PeerAddress(Ipv4Addr::LOCALHOST.into()))
        .method(find(":method").unwrap_or("GET"))
        .uri(uri(find(":path").unwrap_or("/")));
    if let Some(authority) = find(":authority") {
        request = request.header("host", authority);
    }
    for (name, value) in pairs.iter().filter(|(name, _)| !name.starts_with(':')) {
        request = request.header(*name, *value);
    }
    request.body(()).ok()
}

/// A path stands for itself; `CONNECT` comes with none, as a blank.
fn uri(path: &str) -> &str {
    if path == " " { "bat.example:443" } else { path }
}

fn pairs(value: &Value) -> Vec<(&str, &str)> {
    let pairs = value.as_array().into_iter().flatten();
    pairs.map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
