//! A gateway between callers and services that speak different versions of HTTP, and callers whose requests
//! break off.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use ::axum::Router;
use ::axum::body::Body;
use ::axum::routing::any;
use ::hyper::body::Incoming;
use ::hyper::service::service_fn;
use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Collected, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use meshless::Mesh;
use meshless::pool::{Pool, PoolPolicy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::{Server, destination_rule, gateway, service_entry, virtual_service};

/// The version of a request, and its body unless that broke off.
type Heard = (Version, Result<Bytes, ()>);

/// A service that speaks one version, reads each request to its end, and remembers how that went.
struct Service {
    heard: Arc<Mutex<Vec<Heard>>>,
    server: Server,
}

impl Service {
    async fn start(version: Version) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let book = Arc::clone(&heard);
        let server = Server::run(move |listener, mut stopped| async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap(),
                    () = &mut stopped => return,
                };
                let book = Arc::clone(&book);
                let answer = service_fn(move |request: Request<Incoming>| {
                    let book = Arc::clone(&book);
                    async move {
                        let version = request.version();
                        let read = request.into_body().collect().await;
                        let read = read.map(Collected::to_bytes).map_err(drop);
                        book.lock().unwrap().push((version, read));
                        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
                    }
                });
                connections.spawn(async move {
                    let server = Builder::new(TokioExecutor::new());
                    let server = match version {
                        Version::HTTP_2 => server.http2_only(),
                        _ => server.http1_only(),
                    };
                    let _ = server.serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        })
        .await;
        Self { heard, server }
    }

    fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

fn documents(service: &Service, version: Version, rule: &str) -> String {
    const HOST: &str = "backend.internal";
    let port = service.server.address().port();
    let protocol = if version == Version::HTTP_2 {
        "HTTP2"
    } else {
        "HTTP"
    };
    let endpoints = format!("endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}}}]");
    gateway("ingress")
        + &virtual_service(
            HOST,
            "retries: {attempts: 3, retryOn: '5xx,reset,connect-failure'}",
            "gateways: [ingress]",
        )
        + &service_entry(
            HOST,
            &format!("protocol: {protocol}, targetPort: {port}"),
            &format!("resolution: STATIC, {endpoints}"),
        )
        + &destination_rule(HOST, rule)
}

/// Each way from a gateway to a service that speaks `version`, by what it is called.
async fn fronts(service: &Service, version: Version) -> Vec<(&'static str, Mesh, Server)> {
    let eject = "outlierDetection: {consecutive5xxErrors: 1, consecutiveGatewayErrors: 1, \
                 baseEjectionTime: 3600s, maxEjectionPercent: 100}";
    let plain = Mesh::from_yaml(&documents(service, version, eject)).unwrap();
    let limited = format!("connectionPool: {{tcp: {{maxConnections: 10}}}}, {eject}");
    let limited = Mesh::from_yaml(&documents(service, version, &limited)).unwrap();
    let over_reqwest = |mesh: &Mesh| {
        let service = mesh
            .gateway("ingress", "default")
            .unwrap()
            .service_with::<_, Body>(move || {
                let client = reqwest::Client::builder().no_proxy();
                match version {
                    Version::HTTP_2 => client.http2_prior_knowledge(),
                    _ => client,
                }
            });
        Router::new().fallback_service(service.unwrap())
    };
    let policy = PoolPolicy::default().with_http2(version == Version::HTTP_2);
    let by_hand = plain.gateway("ingress", "default").unwrap();
    let by_hand = by_hand.outbound::<_, Body>(Pool::http(policy));
    let fronts = [
        ("reqwest", Server::axum(over_reqwest(&plain)).await),
        (
            "a pool by hand",
            Server::axum(Router::new().fallback_service(by_hand)).await,
        ),
        (
            "a connection pool",
            Server::axum(over_reqwest(&limited)).await,
        ),
    ];
    fronts
        .into_iter()
        .map(|(name, server)| (name, plain.clone(), server))
        .collect()
}

/// Sends bytes, and returns what comes back until the connection is closed.
async fn raw(front: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(front.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut got = Vec::new();
    // A server that closes with something unread resets the connection behind its answer.
    while let Ok(1..) = stream.read_buf(&mut got).await {}
    String::from_utf8_lossy(&got).into_owned()
}

#[tokio::test]
async fn callers_and_services_of_any_version_meet_at_a_gateway() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let service = Service::start(version).await;
        for (way, _mesh, front) in fronts(&service, version).await {
            // Over HTTP/2 the authority says which host is meant, and not a field beside it.
            let new = || {
                let client = reqwest::Client::builder().no_proxy();
                client.resolve("backend.internal", front.address())
            };
            let (one, two) = (new().build(), new().http2_prior_knowledge().build());
            for client in [one.unwrap(), two.unwrap()] {
                let asked = client
                    .post(format!(
                        "http://backend.internal:{}/a",
                        front.address().port()
                    ))
                    .body("hi")
                    .send()
                    .await
                    .unwrap();
                assert_eq!(asked.status(), 200, "{way}, {version:?}");
                assert_eq!(asked.text().await.unwrap(), "hello");
                let heard = service.heard();
                assert_eq!(heard, [(version, Ok(Bytes::from("hi")))], "{way}");
            }
            let old = "POST /a HTTP/1.0\r\nhost: backend.internal\r\ncontent-length: 2\r\n\r\nhi";
            let got = raw(&front, old).await;
            assert!(got.starts_with("HTTP/1.0 200 OK\r\n"), "{way}: {got}");
            assert!(got.ends_with("\r\n\r\nhello"), "{way}: {got}");
            let heard = service.heard();
            assert_eq!(heard, [(version, Ok(Bytes::from("hi")))], "{way}");
            front.stop().await;
        }
        service.server.stop().await;
    }
}

#[tokio::test]
async fn a_body_that_its_caller_breaks_off_is_the_callers_failure_and_nobody_elses() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let service = Service::start(version).await;
        for (way, _mesh, front) in fronts(&service, version).await {
            let begin =
                "PUT /a HTTP/1.1\r\nhost: backend.internal\r\ntransfer-encoding: chunked\r\n";
            for _ in 0..3 {
                let got = raw(&front, &format!("{begin}\r\n5\r\nhello\r\nzz\r\n")).await;
                assert!(
                    got.starts_with("HTTP/1.1 400 Bad Request\r\n"),
                    "{way}, {version:?}: {got}"
                );
                assert!(got.ends_with("\r\n\r\nBad Request"), "{way}: {got}");
            }
            // It was not ejected, and nothing was tried again.
            let good = format!("{begin}connection: close\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
            let got = raw(&front, &good).await;
            assert!(
                got.starts_with("HTTP/1.1 200 OK\r\n"),
                "{way}, {version:?}: {got}"
            );
            let heard = service.heard();
            let whole = heard.iter().filter(|(_, read)| read.is_ok()).count();
            assert!(whole == 1 && heard.len() <= 4, "{way}: {heard:?}");
            front.stop().await;
        }
        service.server.stop().await;
    }
}

#[tokio::test]
async fn a_service_that_is_handed_a_stream_by_reqwest_knows_whose_failure_its_end_is() {
    use std::io;

    use meshless::Failure;
    use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
    use meshless::client::{Client, Error};
    use tower::Layer;

    let server = Server::axum(Router::new().fallback(any(|_: Bytes| async { "hello" }))).await;
    let policy = CircuitBreakerPolicy::default().with_consecutive_failures(1);
    let breaker = CircuitBreakerLayer::new(policy);
    let client = Client::new(breaker.layer(crate::support::transport()));
    for kind in [
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::TimedOut,
    ] {
        let parts = [Ok(Bytes::from("hi")), Err(io::Error::from(kind))];
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
        let sent = client.post(server.url("/")).body(body).send().await;
        let Err(Error::Send { failure, .. }) = sent else {
            panic!("{sent:?}");
        };
        assert_eq!(failure, Failure::RequestBody, "{kind:?}");
    }
    let sent = client.post(server.url("/")).body("hi").send().await;
    assert_eq!(
        sent.unwrap().status(),
        200,
        "the breaker has not heard of it"
    );
    server.stop().await;
}
