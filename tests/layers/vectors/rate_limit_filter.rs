//! Envoy's HTTP filter `local_ratelimit`, as a stack of layers: one for each descriptor, and the
//! default bucket inside.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use meshless::rate_limit::{Key, RateLimitHeaders, RateLimitLayer, RateLimitPolicy};
use serde_json::Value;
use tower::util::BoxCloneService;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::vectors::rate_limit::{array, number, result};

type Body = UnsyncBoxBody<Bytes, io::Error>;
type Boxed = BoxCloneService<Request<()>, Response<Body>, Infallible>;

/// The descriptors and the connection of a request.
#[derive(Clone, Debug, Default)]
struct Sent {
    connection: u64,
    descriptors: Value,
}

pub(crate) async fn run(case: &Value) {
    if case["name"] == "ToErrorCode" {
        for (status, expected) in [(200, 429), (399, 429), (400, 400), (503, 503)] {
            let status = StatusCode::from_u16(status).unwrap();
            let policy = RateLimitPolicy::per_second(0).with_status(status);
            let (service, _) = stack(vec![policy], Arc::default());
            let response = service.oneshot(Request::new(())).await.unwrap();
            assert_eq!(response.status(), expected);
        }
        return;
    }
    let upstream = Arc::new(AtomicU64::new(0));
    let (service, layers) = stack(policies(&case["config"]), Arc::clone(&upstream));
    for sent in array(&case["requests"]) {
        let mut request = Request::new(());
        for (name, value) in case["request_headers"].as_object().into_iter().flatten() {
            let value = HeaderValue::from_str(value.as_str().unwrap()).unwrap();
            let name = http::HeaderName::try_from(name).unwrap();
            request.headers_mut().insert(name, value);
        }
        request.extensions_mut().insert(Sent {
            connection: sent["conn"].as_u64().unwrap_or(0),
            descriptors: sent["descriptors"].clone(),
        });
        let response = service.clone().oneshot(request).await.unwrap();
        check(case, sent, response).await;
    }
    let ok = upstream.load(Ordering::Relaxed);
    let enforced = layers.iter().map(|layer| layer.stats().enforced).sum();
    let limited = layers.iter().map(|layer| layer.stats().rate_limited).sum();
    for (stat, found) in [
        ("enabled", ok + limited),
        ("enforced", enforced),
        ("ok", ok),
        ("rate_limited", limited),
    ] {
        if let Some(expected) = case["stats"][stat].as_u64() {
            assert_eq!(found, expected, "{}: {stat}", case["name"]);
        }
    }
}

async fn check(case: &Value, sent: &Value, response: Response<Body>) {
    let context = format!("{}: {sent}", case["name"]);
    assert_eq!(result(response.status()), sent["result"], "{context}");
    for (name, value) in sent["response_headers"].as_object().into_iter().flatten() {
        // Envoy writes parts of the request into a header's value; ours are fixed.
        if case["config"]["response_headers_to_add"][name] != "%REQ(test-req-id)%" {
            let found = response.headers().get(name).unwrap();
            assert_eq!(found, value.as_str().unwrap(), "{context}");
        }
    }
    assert!(!response.headers().contains_key("grpc-status"), "{context}");
    if let Some(text) = sent["body"].as_str() {
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, text, "{context}");
    }
}

/// The policies of one filter, the default bucket's last.
fn policies(config: &Value) -> Vec<RateLimitPolicy> {
    let entries: Vec<_> = array(&config["descriptors"])
        .iter()
        .map(|descriptor| descriptor["entries"].clone())
        .collect();
    let always = config["always_consume_default_token_bucket"] != false;
    let mut policies = Vec::new();
    for descriptor in array(&config["descriptors"]) {
        let own = descriptor["entries"].clone();
        let cost = move |sent: &Sent| u64::from(array(&sent.descriptors).contains(&own));
        policies.push(policy(config, descriptor, cost));
    }
    let cost = move |sent: &Sent| {
        let matched = entries
            .iter()
            .any(|own| array(&sent.descriptors).contains(own));
        u64::from(always || !matched)
    };
    policies.push(policy(config, config, cost));
    policies
}

fn policy(
    config: &Value,
    bucket: &Value,
    cost: impl Fn(&Sent) -> u64 + Send + Sync + 'static,
) -> RateLimitPolicy {
    let interval = Duration::from_secs(number(&bucket["fill_interval_s"]));
    let (max, fill) = (
        number(&bucket["max_tokens"]),
        number(&bucket["tokens_per_fill"]),
    );
    let mut policy = RateLimitPolicy::token_bucket(max, fill, interval)
        .with_headers(RateLimitHeaders::None)
        .with_cost(move |head| cost(&head.extensions().get().cloned().unwrap_or_default()));
    if config["local_rate_limit_per_downstream_connection"] == true {
        policy = policy.with_key(Key::function(|head| {
            let sent: Option<&Sent> = head.extensions().get();
            sent.map(|sent| sent.connection)
        }));
    }
    if config["enable_x_ratelimit_headers"] == "DRAFT_VERSION_03" {
        policy = policy.with_headers(RateLimitHeaders::Envoy);
    }
    for (name, value) in config["response_headers_to_add"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let value = HeaderValue::from_str(value.as_str().unwrap()).unwrap();
        policy = policy.with_answer_header(http::HeaderName::try_from(name).unwrap(), value);
    }
    policy
}

fn stack(policies: Vec<RateLimitPolicy>, calls: Arc<AtomicU64>) -> (Boxed, Vec<RateLimitLayer>) {
    let upstream = service_fn(move |_: Request<()>| {
        calls.fetch_add(1, Ordering::Relaxed);
        let body = Empty::new().map_err(|never: Infallible| match never {});
        async move { Ok(Response::new(Body::new(body))) }
    });
    let layers: Vec<_> = policies.into_iter().map(RateLimitLayer::new).collect();
    let inside_out = layers.iter().rev();
    let service = inside_out.fold(Boxed::new(upstream), |inner, layer| {
        let service = ServiceBuilder::new()
            .map_response(|response: Response<_>| response.map(Body::new))
            .layer(layer.clone())
            .service(inner);
        Boxed::new(service)
    });
    (service, layers)
}
