//! The example that serves a gateway does what it says.

use std::sync::Arc;
use std::time::Duration;

use ::axum::Router;
use ::axum::routing::get;
use meshless::Mesh;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::support::{Server, gateway, service_entry, until};

#[allow(dead_code, reason = "its `main` is for the command line")]
#[path = "../../examples/gateway.rs"]
mod example;

use example::{Limits, serve};

const LIMITS: Limits = Limits {
    connections: 2,
    drain: Duration::from_secs(20),
    head: Duration::from_secs(20),
};

async fn front(backend: &Server, limits: Limits) -> Server {
    let port = backend.address().port();
    let documents = format!(
        "{}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: api}}
spec:
  hosts: [api.test]
  gateways: [ingress]
  http:
  - route: [{{destination: {{host: backend.internal}}}}]
{}",
        gateway("ingress"),
        service_entry(
            "backend.internal",
            &format!("protocol: HTTP, targetPort: {port}"),
            &format!(
                "resolution: STATIC, endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}}}]"
            ),
        ),
    );
    let mesh = Mesh::from_yaml(&documents).unwrap();
    let gateway = mesh.gateway("ingress", "default").unwrap();
    let service = gateway.service_with(|| reqwest::Client::builder().no_proxy());
    let service = service.unwrap();
    Server::run(move |listener, stopped| serve(listener, service, limits, stopped)).await
}

const ASK: &str = "GET / HTTP/1.1\r\nhost: api.test\r\n\r\n";

async fn connect(front: &Server, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(front.address()).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut got = Vec::new();
    while !got.ends_with(b"hello") {
        assert!(stream.read_buf(&mut got).await.unwrap() > 0, "{got:?}");
    }
    String::from_utf8(got).unwrap()
}

#[tokio::test]
async fn who_does_not_finish_the_head_of_a_request_is_let_go() {
    let backend = Server::axum(Router::new().route("/", get(|| async { "hello" }))).await;
    let head = Duration::from_millis(50);
    let front = front(&backend, Limits { head, ..LIMITS }).await;
    for bytes in [
        "",
        "P",
        "PRI * HTTP/2",
        "GET / HTTP/1.1\r\nhost: api.test\r\n",
    ] {
        let mut stream = connect(&front, bytes).await;
        let mut got = Vec::new();
        let _ = stream.read_to_end(&mut got).await;
        assert!(
            got.is_empty() || got.starts_with(b"HTTP/1.1 408"),
            "{got:?}"
        );
    }
    // Nor does a connection stay that is idle.
    let mut stream = connect(&front, ASK).await;
    answer(&mut stream).await;
    let _ = stream.read_to_end(&mut Vec::new()).await;
    front.stop().await;
    backend.stop().await;
}

#[tokio::test]
async fn only_so_many_connections_are_served_at_once() {
    let backend = Server::axum(Router::new().route("/", get(|| async { "hello" }))).await;
    let front = front(&backend, LIMITS).await;
    let (mut one, mut two) = (connect(&front, ASK).await, connect(&front, ASK).await);
    answer(&mut one).await;
    answer(&mut two).await;
    let mut three = connect(&front, ASK).await;
    let waits = tokio::time::timeout(Duration::from_millis(50), answer(&mut three));
    assert!(waits.await.is_err(), "both places are taken");
    drop(one);
    answer(&mut three).await;
    drop((two, three));
    front.stop().await;
    backend.stop().await;
}

#[tokio::test]
async fn what_is_under_way_is_finished_before_it_stops() {
    let (gate, waits) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (opened, arrived) = (Arc::clone(&gate), Arc::clone(&waits));
    let slow = get(move || async move {
        arrived.notify_one();
        opened.notified().await;
        "hello"
    });
    let backend = Server::axum(Router::new().route("/", slow)).await;
    let front = front(&backend, LIMITS).await;
    let address = front.address();
    let mut stream = connect(&front, ASK).await;
    waits.notified().await;
    let stopping = tokio::spawn(front.stop());
    // It takes no more connections from then on.
    while TcpStream::connect(address).await.is_ok() {}
    assert!(!stopping.is_finished());
    gate.notify_one();
    answer(&mut stream).await;
    until(|| stopping.is_finished()).await;
    backend.stop().await;
}
