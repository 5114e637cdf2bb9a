//! Each layer goes straight into axum, and limits what it should: across connections, per route,
//! and under `oneshot`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::axum::Router;
use ::axum::body::Body;
use ::axum::middleware::map_response;
use ::axum::response::Response;
use ::axum::routing::get;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::StreamBody;
use meshless::Rejection;
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::fault_injection::{FaultInjectionLayer, FaultInjectionPolicy};
use meshless::outcome::GrpcStatus;
use meshless::rate_limit::{ClientAddress, Key, RateLimitLayer, RateLimitPolicy};
use meshless::retry::{RetryLayer, RetryPolicy};
use meshless::telemetry::TraceServerLayer;
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::traffic_split::{TrafficSplitLayer, TrafficSplitPolicy};
use tokio::sync::{Notify, mpsc};
use tower::ServiceExt;

use crate::support::{Server, unpooled};

const SHORT: Duration = Duration::from_millis(50);

/// A handler that fails, and counts how often it was asked.
#[derive(Clone, Default)]
struct Fails(Arc<AtomicUsize>);

impl Fails {
    fn route(&self) -> ::axum::routing::MethodRouter {
        let calls = Arc::clone(&self.0);
        get(async move || {
            calls.fetch_add(1, Ordering::Relaxed);
            StatusCode::INTERNAL_SERVER_ERROR
        })
    }

    fn calls(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

async fn statuses(url: &str, count: usize) -> Vec<u16> {
    let client = unpooled();
    let mut statuses = Vec::new();
    for _ in 0..count {
        let response = client.get(url).send().await.unwrap();
        statuses.push(response.status().as_u16());
    }
    statuses
}

fn breaker() -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreakerPolicy::default())
}

/// Puts a layer everywhere that axum takes one, and sends a request through all of them.
macro_rules! fits {
    ($($layer:expr),+ $(,)?) => {$(
        let layer = $layer;
        let router = Router::new()
            .route("/", get(async || "hello").layer(layer.clone()))
            .route_layer(layer.clone())
            .layer(layer);
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, stringify!($layer));
    )+};
}

#[tokio::test]
async fn each_layer_goes_straight_into_a_router() {
    fits!(
        breaker(),
        ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(9)),
        FaultInjectionLayer::new(FaultInjectionPolicy::off()),
        RateLimitLayer::new(RateLimitPolicy::per_second(9)),
        RetryLayer::new(RetryPolicy::inbound()),
        TimeoutLayer::new(TimeoutPolicy::total(Duration::from_secs(9))),
        TraceServerLayer::default(),
        TrafficSplitLayer::new(TrafficSplitPolicy::off()),
    );
}

#[tokio::test]
async fn a_breaker_remembers_from_connection_to_connection() {
    let fails = Fails::default();
    let router = Router::new().route("/", fails.route()).layer(breaker());
    let server = Server::axum(router).await;
    let seen = statuses(&server.url("/"), 8).await;
    assert_eq!(seen, [500, 500, 500, 500, 500, 503, 503, 503]);
    assert_eq!((fails.calls(), server.connections()), (5, 8));
    server.stop().await;
}

#[tokio::test]
async fn a_layer_of_one_route_leaves_the_others_alone() {
    let fails = Fails::default();
    let router = Router::new()
        .route("/guarded", fails.route().layer(breaker()))
        .route("/free", fails.route());
    let server = Server::axum(router).await;
    assert_eq!(statuses(&server.url("/guarded"), 6).await[5], 503);
    assert_eq!(statuses(&server.url("/free"), 6).await, [500; 6]);
    server.stop().await;
}

#[tokio::test]
async fn routes_under_one_route_layer_share_its_state() {
    let fails = Fails::default();
    let router = Router::new()
        .route("/a", fails.route())
        .route("/b", fails.route())
        .route_layer(breaker())
        .route("/c", fails.route());
    let server = Server::axum(router).await;
    assert_eq!(statuses(&server.url("/a"), 5).await, [500; 5]);
    assert_eq!(statuses(&server.url("/b"), 1).await, [503]);
    assert_eq!(statuses(&server.url("/c"), 1).await, [500]);
    server.stop().await;
}

#[tokio::test]
async fn a_router_called_by_hand_shares_its_state_too() {
    let fails = Fails::default();
    let router = Router::new().route("/", fails.route()).layer(breaker());
    let mut last = Response::default();
    for _ in 0..6 {
        let call = router.clone().oneshot(Request::new(Body::empty()));
        last = call.await.unwrap();
    }
    assert_eq!(last.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(matches!(
        Rejection::of(&last),
        Some(Rejection::CircuitOpen { .. })
    ));
    assert_eq!(fails.calls(), 5);
}

#[tokio::test]
async fn a_limit_per_caller_address_holds_over_connections_whatever_the_caller_claims() {
    let policy =
        RateLimitPolicy::per_minute(3).with_key(Key::client_address(ClientAddress::peer()));
    let router = Router::new()
        .route(
            "/limited",
            get(async || "hello").layer(RateLimitLayer::new(policy)),
        )
        .route("/free", get(async || "hello"));
    let server = Server::axum(router).await;
    let client = unpooled();
    let mut seen = Vec::new();
    for i in 0..5 {
        let request = client.get(server.url("/limited"));
        let claim = format!("192.0.2.{i}");
        let response = request
            .header("x-forwarded-for", claim)
            .send()
            .await
            .unwrap();
        let retry_after = response.headers().get("retry-after").cloned();
        seen.push((response.status().as_u16(), retry_after.is_some()));
    }
    assert_eq!(
        seen,
        [
            (200, false),
            (200, false),
            (200, false),
            (429, true),
            (429, true)
        ]
    );
    assert_eq!(server.connections(), 5);
    assert_eq!(statuses(&server.url("/free"), 5).await, [200; 5]);
    server.stop().await;
}

#[tokio::test]
async fn a_permit_is_held_until_the_response_is_sent_and_given_back_if_the_caller_goes() {
    let (send, receive) = mpsc::channel::<Bytes>(1);
    let receive = Arc::new(tokio::sync::Mutex::new(receive));
    let stream = async move || {
        let receive = Arc::clone(&receive).lock_owned().await;
        Body::new(StreamBody::new(futures_util::stream::unfold(
            receive,
            async |mut receive| {
                let data = receive.recv().await?;
                Some((
                    Ok::<_, std::io::Error>(http_body::Frame::data(data)),
                    receive,
                ))
            },
        )))
    };
    let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(1));
    let router = Router::new().route("/", get(stream)).layer(limit.clone());
    let server = Server::axum(router).await;
    let client = unpooled();

    let mut first = client.get(server.url("/")).send().await.unwrap();
    send.send(Bytes::from("piece")).await.unwrap();
    assert_eq!(first.chunk().await.unwrap().unwrap(), "piece");
    let refused = client.get(server.url("/")).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["x-envoy-overloaded"], "true");

    drop(first);
    while limit.in_flight() > 0 {
        tokio::task::yield_now().await;
    }
    let third = client.get(server.url("/")).send().await.unwrap();
    assert_eq!(third.status(), StatusCode::OK);
    drop(third);
    server.stop().await;
}

#[tokio::test]
async fn a_handler_that_hangs_is_answered_for_and_dropped() {
    struct Dropped(Arc<Notify>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let gone = Arc::new(Notify::new());
    let notify = Arc::clone(&gone);
    let hang = async move || {
        let _dropped = Dropped(notify);
        std::future::pending::<()>().await;
    };
    let router = Router::new()
        .route("/", get(hang))
        .layer(TimeoutLayer::new(TimeoutPolicy::total(SHORT)));
    let server = Server::axum(router).await;
    let response = unpooled().get(server.url("/")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(response.text().await.unwrap(), "upstream request timeout");
    gone.notified().await;
    server.stop().await;
}

#[tokio::test]
async fn a_middleware_outside_can_tell_a_refusal_from_an_answer() {
    async fn explain(mut response: Response) -> Response {
        if let Some(rejection) = Rejection::of(&response) {
            let policy = rejection.policy().parse().unwrap();
            response.headers_mut().insert("x-refused-by", policy);
        }
        response
    }
    let router = Router::new()
        .route("/", Fails::default().route())
        .layer(breaker())
        .layer(map_response(explain));
    let server = Server::axum(router).await;
    let client = unpooled();
    for _ in 0..5 {
        let response = client.get(server.url("/")).send().await.unwrap();
        assert!(!response.headers().contains_key("x-refused-by"));
    }
    let response = client.get(server.url("/")).send().await.unwrap();
    assert_eq!(response.headers()["x-refused-by"], "circuit_breaker");
    server.stop().await;
}

#[tokio::test]
async fn a_grpc_request_is_refused_in_its_own_language() {
    let router = Router::new()
        .route("/", get(async || std::future::pending::<()>().await))
        .layer(TimeoutLayer::new(TimeoutPolicy::total(SHORT)));
    let server = Server::axum(router).await;
    let request = unpooled().get(server.url("/"));
    let request = request.header("content-type", "application/grpc");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let status = GrpcStatus::from_headers(response.headers());
    assert_eq!(status, Some(GrpcStatus::UNAVAILABLE));
    server.stop().await;
}
