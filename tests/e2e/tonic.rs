//! Layers around tonic's channel and inside its server, seen by a real gRPC client.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use ::tonic::body::Body;
use ::tonic::client::{Grpc, GrpcService};
use ::tonic::server::{NamedService, UnaryService};
use ::tonic::transport::{Channel, Endpoint};
use ::tonic::{Code, Request, Response, Status};
use bytes::Bytes;
use http::uri::PathAndQuery;
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::outcome::GrpcStatus;
use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy};
use meshless::retry::{Backoff, RetryLayer, RetryPolicy};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::{Deadline, Outcome};
use tokio_stream::wrappers::TcpListenerStream;
use tower::{Layer, Service, ServiceBuilder};

use crate::support::{Plain, Server};

type BoxFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// A gRPC service that does as the message says: `fail`, `hang`, tell the time `left`, or echo.
#[derive(Clone, Default)]
struct Echo(Arc<AtomicUsize>);

impl Echo {
    fn calls(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

impl UnaryService<Bytes> for Echo {
    type Response = Bytes;
    type Future = BoxFuture<Response<Bytes>, Status>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            match &**request.get_ref() {
                b"fail" => Err(Status::unavailable("as told")),
                b"hang" => std::future::pending().await,
                b"left" => {
                    let left = Deadline::current().unwrap().remaining().as_millis();
                    Ok(Response::new(left.to_string().into()))
                }
                _ => Ok(Response::new(request.into_inner())),
            }
        })
    }
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<http::Response<Body>, Infallible>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move { Ok(::tonic::server::Grpc::new(Plain).unary(echo, request).await) })
    }
}

/// Serves `echo` behind a layer.
macro_rules! serve {
    ($echo:expr, $layer:expr) => {{
        let (echo, layer) = ($echo, $layer);
        Server::run(move |listener, stopped| async move {
            ::tonic::transport::Server::builder()
                .layer(layer)
                .add_service(echo)
                .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stopped)
                .await
                .unwrap();
        })
        .await
    }};
}

fn channel(server: &Server) -> Channel {
    Endpoint::from_shared(server.url(""))
        .unwrap()
        .connect_lazy()
}

/// Calls the service through any stack, as generated code does.
async fn say<S>(stack: S, message: impl Into<Request<Bytes>>) -> Result<Bytes, Status>
where
    S: GrpcService<Body>,
    S::ResponseBody: Send + 'static,
    <S::ResponseBody as http_body::Body>::Error: Into<meshless::outcome::BoxError>,
{
    let mut client = Grpc::new(stack);
    client
        .ready()
        .await
        .map_err(|error| Status::from_error(error.into()))?;
    let path = PathAndQuery::from_static("/test.Echo/Say");
    let response = client.unary(message.into(), path, Plain).await?;
    Ok(response.into_inner())
}

fn message(text: &'static str) -> Request<Bytes> {
    Request::new(Bytes::from(text))
}

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_breaker_around_a_channel_counts_statuses_and_answers_in_one() {
    let echo = Echo::default();
    let server = serve!(echo.clone(), ::tower::layer::util::Identity::new());
    let stack = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(CircuitBreakerPolicy::default()))
        .layer(TimeoutLayer::new(TimeoutPolicy::total(
            Duration::from_secs(5),
        )))
        .layer(ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(10)))
        .service(channel(&server));

    assert_eq!(say(stack.clone(), message("hi")).await.unwrap(), "hi");
    for _ in 0..5 {
        let status = say(stack.clone(), message("fail")).await.unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (Code::Unavailable, "as told")
        );
    }
    let status = say(stack.clone(), message("hi")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "no healthy upstream");
    assert_eq!(echo.calls(), 6);

    drop(stack);
    server.stop().await;
}

#[tokio::test]
async fn a_breaker_around_a_channel_whose_server_is_gone_opens() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let channel = Endpoint::from_shared(uri).unwrap().connect_lazy();
    let breaker = CircuitBreakerLayer::new(CircuitBreakerPolicy::default());
    let stack = breaker.layer(channel);
    for _ in 0..5 {
        let status = say(stack.clone(), message("hi")).await.unwrap_err();
        assert_ne!(status.message(), "no healthy upstream");
    }
    let status = say(stack, message("hi")).await.unwrap_err();
    assert_eq!(status.message(), "no healthy upstream");
}

#[tokio::test]
async fn a_retry_around_a_channel_gives_it_back_a_body_that_it_takes() {
    let echo = Echo::default();
    let server = serve!(echo.clone(), ::tower::layer::util::Identity::new());
    let policy = RetryPolicy::new(2).with_backoff(Backoff::exponential(Duration::from_millis(1)));
    let stack = ServiceBuilder::new()
        .layer(RetryLayer::new(policy))
        // The retry's body replays; the channel takes its own type only.
        .map_request(|request: http::Request<_>| request.map(Body::new))
        .service(channel(&server));
    let status = say(stack.clone(), message("fail")).await.unwrap_err();
    assert_eq!(status.message(), "as told");
    assert_eq!(echo.calls(), 3, "the first try and two more");
    assert_eq!(say(stack.clone(), message("hi")).await.unwrap(), "hi");
    drop(stack);
    server.stop().await;
}

#[tokio::test]
async fn a_rate_limit_inside_a_server_is_seen_as_a_status() {
    let limit = RateLimitLayer::new(RateLimitPolicy::per_minute(1));
    let server = serve!(Echo::default(), limit);
    let channel = channel(&server);
    assert_eq!(say(channel.clone(), message("hi")).await.unwrap(), "hi");
    let status = say(channel.clone(), message("hi")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(
        Outcome::of_error(&status),
        Outcome::Grpc(GrpcStatus::UNAVAILABLE)
    );
    drop(channel);
    server.stop().await;
}

#[tokio::test]
async fn a_limit_inside_a_server_is_seen_as_a_status() {
    let echo = Echo::default();
    let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(1));
    let server = serve!(echo.clone(), limit.clone());
    let channel = channel(&server);

    let hanging = tokio::spawn(say(channel.clone(), message("hang")));
    while echo.calls() == 0 {
        tokio::task::yield_now().await;
    }
    let status = say(channel.clone(), message("hi")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(echo.calls(), 1);

    hanging.abort();
    while limit.in_flight() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(say(channel.clone(), message("hi")).await.unwrap(), "hi");
    drop(channel);
    server.stop().await;
}

#[tokio::test]
async fn a_deadline_of_the_caller_is_known_inside_a_server() {
    let server = serve!(Echo::default(), TimeoutLayer::new(TimeoutPolicy::default()));
    let mut request = message("left");
    request.set_timeout(Duration::from_secs(5));
    let left = say(channel(&server), request).await.unwrap();
    let left: u64 = std::str::from_utf8(&left).unwrap().parse().unwrap();
    assert!((1..=5_000).contains(&left), "{left} ms");
    server.stop().await;
}

#[tokio::test]
async fn a_timeout_inside_a_server_is_seen_as_a_status() {
    let server = serve!(
        Echo::default(),
        TimeoutLayer::new(TimeoutPolicy::total(SHORT))
    );
    let status = say(channel(&server), message("hang")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "upstream request timeout");
    server.stop().await;
}

#[tokio::test]
async fn a_timeout_around_a_channel_is_seen_as_a_status() {
    let server = serve!(Echo::default(), ::tower::layer::util::Identity::new());
    // The channel obeys `grpc-timeout`, too: told of the time that is left, it may be the first to
    // give up, with a status of its own.
    let policy = TimeoutPolicy::total(SHORT).with_outgoing(false);
    let stack = TimeoutLayer::new(policy).layer(channel(&server));
    let status = say(stack, message("hang")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "upstream request timeout");
    server.stop().await;
}

/// A mesh knows by the port that a service speaks HTTP/2 alone.
#[tokio::test]
async fn a_grpc_service_is_called_through_a_mesh_with_and_without_limits_of_connections() {
    let server = serve!(Echo::default(), ::tower::layer::util::Identity::new());
    let port = server.address().port();
    let limits = "connectionPool: {tcp: {maxConnections: 4}}";
    let upgrade = "connectionPool: {http: {h2UpgradePolicy: UPGRADE}}";
    let both = "connectionPool: {tcp: {maxConnections: 4}, http: {h2UpgradePolicy: UPGRADE}}";
    for (protocol, pool) in [
        ("GRPC", ""),
        ("HTTP2", ""),
        ("grpc-web", ""),
        ("GRPC", limits),
        ("HTTP2", limits),
        ("HTTP", upgrade),
        ("HTTP", both),
    ] {
        let entry = format!(
            "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: echo}}
spec:
  hosts: [echo.test]
  ports: [{{number: 80, name: web, protocol: {protocol}, targetPort: {port}}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1}}]
"
        );
        let rule = format!(
            "---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: echo}}
spec: {{host: echo.test, trafficPolicy: {{{pool}}}}}
"
        );
        let rule = if pool.is_empty() { "" } else { &rule };
        let documents = format!("{entry}{rule}");
        let mesh = meshless::Mesh::from_yaml(&documents).unwrap();
        let make = || reqwest::Client::builder().no_proxy();
        let client = mesh.workload("w", "default").client_with(make).unwrap();
        let stack = ServiceBuilder::new()
            .map_request(|mut request: http::Request<Body>| {
                let uri = format!("http://echo.test{}", request.uri().path());
                *request.uri_mut() = uri.parse().unwrap();
                request.map(meshless::client::Body::wrap)
            })
            .service(client.into_stack());
        let answer = say(stack, message("hello")).await;
        assert_eq!(answer.unwrap(), "hello", "{protocol} {pool}");
    }
    server.stop().await;
}
