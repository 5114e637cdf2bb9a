//! WebSocket through gateways and through the client of a workload.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::axum::Router;
use ::axum::body::Body;
use futures_util::{SinkExt, StreamExt};
use meshless::client::Error;
use meshless::mesh::EndpointTransport;
use meshless::mesh::GatewayService;
use meshless::{Mesh, Rejection};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::support::{self, Server, destination_rule, service_entry, until, virtual_service};

/// A WebSocket server that says back what it hears, and how many connections it has.
async fn echo() -> (Server, Arc<AtomicUsize>) {
    let open = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&open);
    let server = Server::run(|listener, mut stopped| async move {
        // They end with the server.
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = tokio::select! {
                accepted = listener.accept() => accepted.unwrap(),
                () = &mut stopped => return,
            };
            let count = Arc::clone(&count);
            connections.spawn(async move {
                count.fetch_add(1, Ordering::Relaxed);
                say_back(stream).await;
                count.fetch_sub(1, Ordering::Relaxed);
            });
        }
    })
    .await;
    (server, open)
}

async fn say_back(stream: TcpStream) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// A gateway and a service behind it, with a rule for its connections.
fn documents(service: &Server, rule: &str) -> String {
    const HOST: &str = "chat.internal";
    let port = service.address().port();
    let endpoints = format!("endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}}}]");
    support::gateway("ingress")
        + &virtual_service(
            HOST,
            "timeout: 10s, headers: {response: {set: {x-mine: '1'}}}",
            "gateways: [ingress, mesh]",
        )
        + &service_entry(
            HOST,
            &format!("protocol: HTTP, targetPort: {port}"),
            &format!("resolution: STATIC, {endpoints}"),
        )
        + &destination_rule(HOST, &format!("connectionPool: {{{rule}}}"))
}

/// With reqwest's connections, with those of a pool, and with one for each request.
const RULES: [&str; 3] = [
    "http: {http2MaxRequests: 10}",
    "tcp: {maxConnections: 10}, http: {http2MaxRequests: 10}",
    "tcp: {maxConnections: 10}, http: {maxRequestsPerConnection: 1}",
];

fn service(mesh: &Mesh) -> GatewayService<EndpointTransport, Body> {
    let gateway = mesh.gateway("ingress", "default").unwrap();
    let service = gateway.service_with(|| reqwest::Client::builder().no_proxy());
    service.unwrap()
}

async fn gateway(mesh: &Mesh) -> Server {
    Server::axum(Router::new().fallback_service(service(mesh))).await
}

async fn connect(server: &Server) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let connected = tokio_tungstenite::client_async("ws://chat.internal/room", stream).await;
    let (socket, response) = connected.unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["x-mine"], "1");
    socket
}

async fn says_back<S>(socket: &mut WebSocketStream<S>, message: Message)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    socket.send(message.clone()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), message);
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) {
    says_back(socket, Message::text("hello")).await;
    says_back(socket, Message::binary(vec![7_u8; 1 << 20])).await;
}

/// Ends as RFC 6455 has it.
async fn hang_up<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>) {
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
}

#[tokio::test]
async fn a_websocket_goes_through_two_gateways_over_either_kind_of_connections() {
    for (outer, inner) in [
        (RULES[0], RULES[0]),
        (RULES[0], RULES[1]),
        (RULES[1], RULES[0]),
        (RULES[1], RULES[1]),
        (RULES[2], RULES[2]),
    ] {
        let (chat, open) = echo().await;
        let inner = Mesh::from_yaml(&documents(&chat, inner)).unwrap();
        let behind = gateway(&inner).await;
        let outer = Mesh::from_yaml(&documents(&behind, outer)).unwrap();
        let front = gateway(&outer).await;
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(connect(&front).await);
        }
        for socket in &mut all {
            talk(socket).await;
        }
        assert_eq!(open.load(Ordering::Relaxed), 3);
        for socket in all {
            hang_up(socket).await;
        }
        until(|| open.load(Ordering::Relaxed) == 0).await;
        front.stop().await;
        behind.stop().await;
        chat.stop().await;
    }
}

#[tokio::test]
async fn a_place_in_the_limit_of_a_destination_is_held_until_the_tunnel_ends() {
    let (chat, _) = echo().await;
    let rule = "http: {http2MaxRequests: 1}";
    let mesh = Mesh::from_yaml(&documents(&chat, rule)).unwrap();
    let front = gateway(&mesh).await;
    let mut socket = connect(&front).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = || {
        client
            .get(front.url("/"))
            .header("host", "chat.internal")
            .send()
    };
    assert_eq!(ask().await.unwrap().status(), 503);
    talk(&mut socket).await;
    assert_eq!(ask().await.unwrap().headers()["x-envoy-overloaded"], "true");
    hang_up(socket).await;
    // The next one gets its place, as soon as the tunnel has ended.
    let again = async {
        loop {
            let stream = TcpStream::connect(front.address()).await.unwrap();
            let connected = tokio_tungstenite::client_async("ws://chat.internal/", stream).await;
            if let Ok((socket, _)) = connected {
                return socket;
            }
        }
    };
    let limit = std::time::Duration::from_secs(20);
    let mut socket = tokio::time::timeout(limit, again).await.unwrap();
    talk(&mut socket).await;
    drop(socket);
    front.stop().await;
    chat.stop().await;
}

#[tokio::test]
async fn a_caller_who_vanishes_and_an_upstream_that_does_end_the_tunnel() {
    let (chat, open) = echo().await;
    let mesh = Mesh::from_yaml(&documents(&chat, RULES[1])).unwrap();
    let front = gateway(&mesh).await;
    let mut socket = connect(&front).await;
    talk(&mut socket).await;
    drop(socket);
    until(|| open.load(Ordering::Relaxed) == 0).await;

    let mut socket = connect(&front).await;
    talk(&mut socket).await;
    // With the server its connections go.
    chat.stop().await;
    assert!(!matches!(socket.next().await, Some(Ok(message)) if !message.is_close()));
    front.stop().await;
}

#[tokio::test]
async fn the_tunnels_of_a_mesh_end_with_it() {
    let (chat, open) = echo().await;
    let mesh = Mesh::from_yaml(&documents(&chat, RULES[0])).unwrap();
    let front = gateway(&mesh).await;
    let mut socket = connect(&front).await;
    talk(&mut socket).await;
    // A server that stops does not wait for them, and the mesh alone keeps them.
    front.stop().await;
    talk(&mut socket).await;
    drop(mesh);
    assert!(!matches!(socket.next().await, Some(Ok(_))));
    until(|| open.load(Ordering::Relaxed) == 0).await;
    chat.stop().await;
}

#[tokio::test]
async fn a_service_that_stays_with_http_is_a_service_like_any() {
    let plain = Server::axum(Router::new().fallback(|| async { "plain" })).await;
    let mesh = Mesh::from_yaml(&documents(&plain, RULES[0])).unwrap();
    let front = gateway(&mesh).await;
    let mut stream = TcpStream::connect(front.address()).await.unwrap();
    // The connection stays, too.
    for _ in 0..2 {
        let request = "GET / HTTP/1.1\r\nhost: chat.internal\r\nconnection: upgrade\r\n\
                       upgrade: websocket\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut got = Vec::new();
        while !got.ends_with(b"plain") {
            assert!(stream.read_buf(&mut got).await.unwrap() > 0);
        }
        assert!(got.starts_with(b"HTTP/1.1 200 OK\r\n"), "{got:?}");
    }
    drop(stream);
    front.stop().await;
    plain.stop().await;
}

#[tokio::test]
async fn another_protocol_is_refused_with_403_and_the_connection_closed() {
    let plain = Server::axum(Router::new().fallback(|| async { "plain" })).await;
    let mesh = Mesh::from_yaml(&documents(&plain, RULES[0])).unwrap();
    let front = gateway(&mesh).await;
    let mut stream = TcpStream::connect(front.address()).await.unwrap();
    let request = "GET / HTTP/1.1\r\nhost: chat.internal\r\nconnection: upgrade\r\n\
                   upgrade: foo\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut got = String::new();
    stream.read_to_string(&mut got).await.unwrap();
    assert!(got.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{got}");
    assert!(got.contains("x-mine: 1\r\n"), "{got}");
    assert_eq!(plain.connections(), 0);
    front.stop().await;
    plain.stop().await;
}

#[tokio::test]
async fn a_client_switches_and_holds_its_place_for_as_long_as_it_has_the_connection() {
    for pool in ["", "tcp: {maxConnections: 10}, "] {
        let (chat, open) = echo().await;
        let rule = format!("{pool}http: {{http2MaxRequests: 1}}");
        let mesh = Mesh::from_yaml(&documents(&chat, &rule)).unwrap();
        let workload = mesh.workload("caller", "default");
        let client = workload.client_with(|| reqwest::Client::builder().no_proxy());
        let client = client.unwrap();
        let ask = || {
            let request = client.get("http://chat.internal/room");
            request
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
                .send()
        };
        let response = ask().await.unwrap();
        assert_eq!(response.status(), 101);
        let connection = response.upgrade().await.unwrap();
        let mut socket = WebSocketStream::from_raw_socket(connection, Role::Client, None).await;
        talk(&mut socket).await;
        let Err(Error::Rejected { rejection, .. }) = ask().await else {
            panic!("its place is taken");
        };
        assert!(matches!(rejection, Rejection::Overflow(_)), "{rejection:?}");
        hang_up(socket).await;
        until(|| open.load(Ordering::Relaxed) == 0).await;
        assert_eq!(ask().await.unwrap().status(), 101);
        chat.stop().await;
    }
}

#[tokio::test]
async fn a_service_switches_behind_its_own_layers() {
    use http::{Request, Response};
    use hyper_util::rt::TokioIo;
    use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

    let app = Router::new().fallback(|mut request: Request<Body>| async move {
        let key = request.headers()["sec-websocket-key"].as_bytes();
        let accept = derive_accept_key(key);
        let switched = ::hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let io = TokioIo::new(switched.await.unwrap());
            let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
            while let Some(Ok(message)) = socket.next().await {
                let _ = socket.send(message).await;
            }
        });
        Response::builder()
            .status(101)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-accept", accept)
            .body(Body::empty())
            .unwrap()
    });
    let mesh = Mesh::from_yaml("").unwrap();
    let chat = mesh.workload("chat", "default");
    let chat = Server::axum(app.layer(chat.server())).await;
    let mesh = Mesh::from_yaml(&documents(&chat, RULES[1])).unwrap();
    let front = gateway(&mesh).await;
    let mut socket = connect(&front).await;
    talk(&mut socket).await;
    hang_up(socket).await;
    front.stop().await;
    chat.stop().await;
}

#[tokio::test]
async fn a_response_that_is_no_switch_cannot_be_upgraded() {
    let plain = Server::axum(Router::new().fallback(|| async { "plain" })).await;
    let client = reqwest::Client::builder().no_proxy();
    let client = meshless::client::Client::build(client).unwrap();
    let response = client.get(plain.url("/")).send().await.unwrap();
    let error = response.upgrade().await.unwrap_err();
    assert!(matches!(error, Error::Body { .. }), "{error:?}");
    plain.stop().await;
}
