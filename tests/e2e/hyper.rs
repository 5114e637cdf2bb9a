//! Layers around the clients and servers of hyper-util.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::hyper::body::Incoming;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use meshless::Rejection;
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::faults::{Fault, Faulty, Protocol};
use crate::support::{Server, unpooled};

fn breaker() -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreakerPolicy::default())
}

#[tokio::test]
async fn a_breaker_opens_around_a_client_whose_server_is_gone() {
    let faulty = Faulty::start(Fault::Refused, Protocol::Http1).await;
    let hyper = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut client = ServiceBuilder::new()
        .layer(breaker())
        .layer(TimeoutLayer::new(TimeoutPolicy::default()))
        .service(hyper);
    let request = || Request::get(faulty.uri()).body(Empty::new()).unwrap();
    for _ in 0..5 {
        let error = client.ready().await.unwrap().call(request()).await;
        assert!(
            error.unwrap_err().is_connect(),
            "the error is hyper-util's own"
        );
    }
    let response = client.ready().await.unwrap().call(request()).await.unwrap();
    assert!(matches!(
        Rejection::of(&response),
        Some(Rejection::CircuitOpen { .. })
    ));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "no healthy upstream");
    faulty.stop().await;
}

#[tokio::test]
async fn a_breaker_remembers_from_connection_to_connection_of_a_server() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let handler = service_fn(move |_: Request<Incoming>| {
        count.fetch_add(1, Ordering::Relaxed);
        let mut response = Response::new(Full::new(Bytes::from("broken")));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let layer = breaker();
    let server = Server::run(|listener, stopped| async move {
        let builder = auto::Builder::new(TokioExecutor::new());
        let graceful = GracefulShutdown::new();
        tokio::pin!(stopped);
        loop {
            let (stream, _) = tokio::select! {
                accepted = listener.accept() => accepted.unwrap(),
                () = &mut stopped => break,
            };
            // A service for each connection, as servers make them: the layer holds the state.
            let service = TowerToHyperService::new(layer.layer(handler.clone()));
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            tokio::spawn(graceful.watch(connection.into_owned()));
        }
        graceful.shutdown().await;
    })
    .await;

    let client = unpooled();
    let mut seen = Vec::new();
    for _ in 0..7 {
        let response = client.get(server.url("/")).send().await.unwrap();
        seen.push((response.status().as_u16(), response.text().await.unwrap()));
    }
    let broken = (500, "broken".to_owned());
    let open = (503, "no healthy upstream".to_owned());
    assert_eq!(seen[4..], [broken, open.clone(), open]);
    assert_eq!(calls.load(Ordering::Relaxed), 5);
    server.stop().await;
}
