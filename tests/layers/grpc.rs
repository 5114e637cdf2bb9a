//! tonic's clients on stacks of layers, over services in the same process.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::uri::PathAndQuery;
use meshless::circuit_breaker::CircuitBreakerPolicy;
use meshless::grpc::{RejectionInfo, Transport};
use meshless::rate_limit::RateLimitPolicy;
use meshless::retry::{Backoff, RetryPolicy};
use meshless::timeout::TimeoutPolicy;
use meshless::{inbound, outbound};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::server::{ClientStreamingService, StreamingService, UnaryService};
use tonic::transport::Endpoint;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use plain::Plain;

#[path = "../support/plain.rs"]
mod plain;

type BoxFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;
type BoxStream = Pin<Box<dyn stream::Stream<Item = Result<Bytes, Status>> + Send>>;

/// A gRPC service: `Say` echoes, `Join` joins the messages of the client, `Talk` answers each of them. Its first calls
/// fail.
#[derive(Clone, Default)]
struct Echo {
    calls: Arc<AtomicUsize>,
    failures: usize,
}

impl Echo {
    fn failing(failures: usize) -> Self {
        let calls = Arc::default();
        Self { calls, failures }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl UnaryService<Bytes> for Echo {
    type Response = Bytes;
    type Future = BoxFuture<Response<Bytes>, Status>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let fails = self.calls.fetch_add(1, Ordering::Relaxed) < self.failures;
        Box::pin(async move {
            if fails {
                return Err(Status::unavailable("not yet"));
            }
            Ok(Response::new(request.into_inner()))
        })
    }
}

impl ClientStreamingService<Bytes> for Echo {
    type Response = Bytes;
    type Future = BoxFuture<Response<Bytes>, Status>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        Box::pin(async move {
            let mut messages = request.into_inner();
            let mut all = Vec::new();
            while let Some(message) = messages.message().await? {
                all.extend_from_slice(&message);
            }
            Ok(Response::new(all.into()))
        })
    }
}

impl StreamingService<Bytes> for Echo {
    type Response = Bytes;
    type ResponseStream = BoxStream;
    type Future = BoxFuture<Response<BoxStream>, Status>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        Box::pin(async move { Ok(Response::new(request.into_inner().boxed())) })
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
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(Plain);
            Ok(match request.uri().path() {
                "/test.Echo/Say" => grpc.unary(echo, request).await,
                "/test.Echo/Join" => grpc.client_streaming(echo, request).await,
                _ => grpc.streaming(echo, request).await,
            })
        })
    }
}

/// Calls `Say` through a stack, as generated code does.
macro_rules! say {
    ($stack:expr) => {{
        let mut client = Grpc::new($stack);
        client.ready().await.unwrap();
        let request = Request::new(Bytes::from_static(b"hi"));
        let path = PathAndQuery::from_static("/test.Echo/Say");
        let response = client.unary(request, path, Plain).await;
        response.map(Response::into_inner)
    }};
}

#[tokio::test(start_paused = true)]
async fn a_generated_client_works_on_a_stack_and_sees_the_statuses_of_its_server() {
    let (reporter, server) = tonic_health::server::health_reporter();
    let stack = outbound().layer(Transport::from_service(server));
    let mut client = HealthClient::new(stack);
    let request = |service: &str| HealthCheckRequest {
        service: service.to_owned(),
    };

    let unknown = client.check(request("users")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    assert_eq!(RejectionInfo::of(&unknown), None);

    let serving = ServingStatus::Serving;
    reporter.set_service_status("users", serving).await;
    let response = client.check(request("users")).await.unwrap();
    assert_eq!(response.into_inner().status, 1);
}

/// Watches a health service through a stack: ten minutes with a message in each, and then silence.
macro_rules! watch {
    ($stack:expr, $reporter:expr) => {{
        let mut client = HealthClient::new($stack);
        let response = client.watch(HealthCheckRequest::default()).await.unwrap();
        let mut statuses = response.into_inner();
        assert_eq!(statuses.message().await.unwrap().unwrap().status, 1);
        for minute in 0..10 {
            tokio::time::sleep(Duration::from_secs(60)).await;
            let status = [ServingStatus::NotServing, ServingStatus::Serving][minute % 2];
            $reporter.set_service_status("", status).await;
            assert!(statuses.message().await.unwrap().is_some(), "{minute}");
        }
        let start = Instant::now();
        let ended = statuses.message().await;
        assert!(!matches!(ended, Ok(Some(_))), "{ended:?}");
        assert!(start.elapsed() <= Duration::from_secs(301));
    }};
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_a_server_lives_by_its_idle_time() {
    let (reporter, server) = tonic_health::server::health_reporter();
    watch!(Transport::from_service(inbound().layer(server)), reporter);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_a_client_lives_by_its_idle_time() {
    let (reporter, server) = tonic_health::server::health_reporter();
    // A server would take what it learns of the time to the head for the deadline of the whole stream.
    let limit = TimeoutPolicy::head(Duration::from_secs(15))
        .with_idle(Duration::from_secs(300))
        .with_outgoing(false);
    let stack = outbound().with_timeout(limit);
    watch!(stack.layer(Transport::from_service(server)), reporter);
}

#[tokio::test(start_paused = true)]
async fn messages_of_both_sides_pass_the_stacks() {
    let server = inbound().layer(Echo::default());
    let stack = outbound().layer(Transport::from_service(server));
    let messages = || stream::iter(["a", "b", "c"].map(Bytes::from));

    let mut client = Grpc::new(stack.clone());
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static("/test.Echo/Join");
    let request = Request::new(messages());
    let joined = client.client_streaming(request, path, Plain).await;
    assert_eq!(joined.unwrap().into_inner(), "abc");

    client.ready().await.unwrap();
    let path = PathAndQuery::from_static("/test.Echo/Talk");
    let request = Request::new(messages());
    let answers = client.streaming(request, path, Plain).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(Result::unwrap).collect().await;
    assert_eq!(answers, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_retried_call_sends_its_message_again() {
    let echo = Echo::failing(2);
    let backoff = Backoff::exponential(Duration::from_millis(1));
    let stack = outbound().with_retry(RetryPolicy::new(2).with_backoff(backoff));
    let stack = stack.layer(Transport::from_service(echo.clone()));
    assert_eq!(say!(stack).unwrap(), "hi");
    assert_eq!(echo.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_status_says_who_rejected_the_call_why_and_when_to_come_back() {
    let breaker = CircuitBreakerPolicy::default().with_consecutive_failures(2);
    let stack = outbound()
        .with_circuit_breaker(breaker)
        .with_retry(RetryPolicy::new(0))
        .layer(Transport::from_service(Echo::failing(usize::MAX)));
    for _ in 0..2 {
        let status = say!(stack.clone()).unwrap_err();
        assert_eq!(RejectionInfo::of(&status), None, "the server's own status");
    }

    let status = say!(stack).unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "no healthy upstream");
    let info = RejectionInfo::of(&status).unwrap();
    assert_eq!(info.reason(), "CIRCUIT_OPEN");
    assert_eq!(
        (info.policy(), info.response_flags()),
        ("circuit_breaker", "UH")
    );
    assert_eq!(
        info.message(),
        "circuit breaker open: consecutive failures: 2"
    );
    let wait = info.retry_after().unwrap();
    let pushback = status.metadata().get("grpc-retry-pushback-ms").unwrap();
    let pushback: u128 = pushback.to_str().unwrap().parse().unwrap();
    assert_eq!(pushback, wait.as_micros().div_ceil(1_000));

    // As any library of the standard error model reads it.
    let details = status.get_error_details();
    let standard = details.error_info().unwrap();
    assert_eq!(
        (&*standard.reason, &*standard.domain),
        ("CIRCUIT_OPEN", "meshless")
    );
    assert_eq!(standard.metadata["policy"], "circuit_breaker");
    assert_eq!(details.retry_info().unwrap().retry_delay, Some(wait));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_call_is_retried_when_the_server_says() {
    let echo = Echo::default();
    let server = ServiceBuilder::new()
        // No connection carries extensions.
        .map_response(|mut response: http::Response<_>| {
            response.extensions_mut().clear();
            response
        })
        .layer(inbound().with_rate_limit(RateLimitPolicy::per_second(1)))
        .service(echo.clone());
    let stack = outbound().layer(Transport::from_service(server));
    assert_eq!(say!(stack.clone()).unwrap(), "hi");
    let start = Instant::now();
    assert_eq!(say!(stack).unwrap(), "hi");
    let waited = start.elapsed();
    let second = Duration::from_secs(1)..Duration::from_millis(1_010);
    assert!(second.contains(&waited), "{waited:?}");
    assert_eq!(echo.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_taken_for_several_endpoints_fails() {
    let channel = Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
    let mut transport = Transport::new(channel);
    let request = |authority| {
        let uri = format!("http://{authority}/test.Echo/Say");
        http::Request::post(uri).body(Body::empty()).unwrap()
    };
    let ready = ServiceExt::<http::Request<Body>>::ready(&mut transport).await;
    drop(ready.unwrap().call(request("10.0.0.1:80")));
    let error = transport
        .clone()
        .call(request("10.0.0.2:80"))
        .await
        .unwrap_err();
    let status = Status::from_error(error);
    assert_eq!(status.code(), Code::FailedPrecondition);
    for part in ["10.0.0.1:80", "10.0.0.2:80", "Workload::service"] {
        assert!(status.message().contains(part), "{status}");
    }
}
