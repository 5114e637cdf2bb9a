//! Retries over real connections, judged by what arrives at the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::any;
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use meshless::retry::{Backoff, RetryLayer, RetryOn, RetryPolicy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_stream::StreamExt;
use tower::{Layer, Service, ServiceExt};

use crate::support::Server;

fn policy() -> RetryPolicy {
    RetryPolicy::new(3)
        .with_retry_on(RetryOn::parse("5xx").unwrap())
        .with_backoff(Backoff::constant(Duration::ZERO))
}

/// What a server counts.
#[derive(Clone, Debug, Default)]
struct Counts {
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Counts {
    fn get(&self) -> (usize, usize) {
        let read = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (read(&self.connections), read(&self.requests))
    }
}

async fn serve(counts: &Counts, router: Router) -> Server {
    let connections = Arc::clone(&counts.connections);
    Server::run(move |listener, stopped| async move {
        let listener = listener.tap_io(move |stream| {
            // Or the pieces of a body wait for the client's delayed acknowledgement: 40 ms each.
            stream.set_nodelay(true).unwrap();
            connections.fetch_add(1, Ordering::SeqCst);
        });
        let server = axum::serve(listener, router);
        server.with_graceful_shutdown(stopped).await.unwrap();
    })
    .await
}

/// A client over pooled connections.
macro_rules! client {
    () => {
        RetryLayer::new(policy()).layer(Client::builder(TokioExecutor::new()).build_http())
    };
}

fn get(url: &str) -> Request<Full<Bytes>> {
    Request::get(url).body(Full::default()).unwrap()
}

/// Fails every second request, with a body that comes in pieces.
async fn every_second(State(counts): State<Counts>) -> (StatusCode, Body) {
    let number = counts.requests.fetch_add(1, Ordering::SeqCst);
    if number % 2 == 1 {
        return (StatusCode::OK, Body::from("well"));
    }
    // Piece by piece, but as fast as the machine lets them: a retry reads no more than 50 ms of them away.
    let pieces = tokio_stream::iter(0..8).then(|_| async {
        tokio::task::yield_now().await;
        Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 2_000]))
    });
    (StatusCode::SERVICE_UNAVAILABLE, Body::from_stream(pieces))
}

#[tokio::test]
async fn a_retry_uses_the_connection_of_the_try_before_it() {
    let counts = Counts::default();
    let router = Router::new()
        .route("/", any(every_second))
        .with_state(counts.clone());
    let server = serve(&counts, router).await;
    let mut client = client!();
    // As many as the budget pays for to begin with.
    for _ in 0..5 {
        let response = client
            .ready()
            .await
            .unwrap()
            .call(get(&server.url("/")))
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body().collect().await.unwrap();
        // The pool takes the connection back in a task of its own.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(counts.get(), (1, 10));
    drop(client);
    server.stop().await;
}

/// Refuses the first request before it has read it, then returns what it is sent.
async fn refuse_then_echo(
    State(counts): State<Counts>,
    request: Request<Body>,
) -> (StatusCode, Body) {
    if counts.requests.fetch_add(1, Ordering::SeqCst) == 0 {
        return (StatusCode::SERVICE_UNAVAILABLE, Body::empty());
    }
    (StatusCode::OK, request.into_body())
}

#[tokio::test]
async fn a_body_that_was_still_being_sent_is_sent_again_as_a_whole() {
    let counts = Counts::default();
    let router = Router::new()
        .route("/", any(refuse_then_echo))
        .with_state(counts.clone());
    let server = serve(&counts, router).await;

    let piece = |i| Bytes::from(vec![i; 4_000]);
    let pieces = tokio_stream::iter(0..10_u8).then(move |i| async move {
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok::<_, std::convert::Infallible>(Frame::data(piece(i)))
    });
    let request = Request::put(server.url("/"))
        .body(StreamBody::new(Box::pin(pieces)))
        .unwrap();
    let response = client!().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, (0..10).map(piece).collect::<Vec<_>>().concat());
    assert_eq!(counts.get().1, 2);
    server.stop().await;
}

/// Reads each request's head and closes the connection.
async fn slams(counts: Counts) -> Server {
    Server::run(move |listener, mut stopped| async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut stopped => return,
            };
            let (mut stream, _) = accepted.unwrap();
            let mut head = [0; 1024];
            if stream.read(&mut head).await.unwrap_or(0) > 0 {
                counts.requests.fetch_add(1, Ordering::SeqCst);
            }
            let _ = stream.shutdown().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_post_whose_connection_breaks_arrives_once_and_a_get_again() {
    for (method, arrivals) in [(Method::POST, 1), (Method::GET, 4)] {
        let counts = Counts::default();
        let server = slams(counts.clone()).await;
        let mut request = get(&server.url("/"));
        *request.method_mut() = method;
        assert!(client!().oneshot(request).await.is_err());
        assert_eq!(counts.get().1, arrivals);
        server.stop().await;
    }
}
