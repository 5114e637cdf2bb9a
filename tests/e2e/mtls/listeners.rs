//! The listener under each kind of server, its limits and its end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ::hyper_util::rt::{TokioExecutor, TokioIo};
use ::hyper_util::server::conn::auto;
use ::hyper_util::service::TowerToHyperService;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use meshless::Mesh;
use meshless::client::{Client, TcpConnector, Transport};
use meshless::events::{EventKind, HandshakeFailure};
use meshless::identity::{LocalAddress, PeerIdentity};
use meshless::mtls::{ListenerPolicy, MtlsListener, MtlsMode, PeerLayer};
use meshless::pool::PoolPolicy;
use meshless::testing::RecordingObserver;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::Layer;

use super::Workload;
use super::identities::{Authority, CART, USERS};
use crate::support::until;

fn client(authority: &Authority) -> Client {
    let connector = TcpConnector::new()
        .without_proxies()
        .with_mtls(authority.certificates(CART), [USERS]);
    Client::new(Transport::pooled(PoolPolicy::default(), connector))
}

async fn listener(authority: &Authority, mode: MtlsMode) -> MtlsListener {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    MtlsListener::new(tcp, mode, authority.certificates(USERS))
}

#[tokio::test]
async fn a_server_of_hyper_learns_who_calls_of_each_connection() {
    let authority = Authority::new();
    let mut listener = listener(&authority, MtlsMode::Strict).await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let stream = listener.accept().await;
            let answer = tower::service_fn(move |request: Request<_>| async move {
                let _: &Request<::hyper::body::Incoming> = &request;
                let extensions = request.extensions();
                let local = LocalAddress::of(extensions).unwrap();
                let caller = PeerIdentity::of(extensions).unwrap();
                let text = format!("{caller} at {local}");
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
            });
            let service = PeerLayer::of(stream.peer().clone()).layer(answer);
            tokio::spawn(async move {
                let service = TowerToHyperService::new(service);
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    let url = format!("https://{address}/");
    let response = client(&authority).get(url).send().await.unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    assert_eq!(
        response.text().await.unwrap(),
        format!("{CART} at {address}")
    );
}

#[tokio::test]
async fn a_server_of_tonic_learns_who_calls() {
    let authority = Authority::new();
    let listener = listener(&authority, MtlsMode::Strict).await;
    let address = listener.local_addr().unwrap();
    let events = Arc::new(std::sync::Mutex::new(None));
    let seen = Arc::clone(&events);
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_service_status("", tonic_health::ServingStatus::Serving)
        .await;
    let spy = tower::util::MapRequestLayer::new(move |request: Request<_>| {
        *seen.lock().unwrap() = PeerIdentity::of(request.extensions()).cloned();
        request
    });
    tokio::spawn(async move {
        ::tonic::transport::Server::builder()
            .layer(PeerLayer::new())
            .layer(spy)
            .add_service(health)
            .serve_with_incoming(listener)
            .await
            .unwrap();
    });
    let connector = TcpConnector::new()
        .without_proxies()
        .with_mtls(authority.certificates(CART), [USERS]);
    let workload = Mesh::from_yaml("").unwrap().workload("cart", "shop");
    let service = workload.service_with_connector(connector);
    let origin = format!("https://{address}").parse().unwrap();
    let mut client = tonic_health::pb::health_client::HealthClient::with_origin(service, origin);
    client
        .check(tonic_health::pb::HealthCheckRequest::default())
        .await
        .unwrap();
    let seen = events.lock().unwrap().clone();
    assert_eq!(seen.unwrap().as_str(), CART);
}

#[tokio::test]
async fn a_caller_that_says_nothing_or_stops_in_its_handshake_is_closed_in_time() {
    let authority = Authority::new();
    let limit = Duration::from_millis(20);
    let policy = ListenerPolicy::default()
        .with_first_byte_timeout(limit)
        .with_handshake_timeout(limit);
    let server = Workload::with(|tcp| {
        let certificates = authority.certificates(USERS);
        MtlsListener::new(tcp, MtlsMode::Permissive, certificates).with_policy(policy)
    })
    .await;
    for first in [&b""[..], &[0x16, 3, 1]] {
        let mut tcp = TcpStream::connect(server.address()).await.unwrap();
        tcp.write_all(first).await.unwrap();
        let mut rest = Vec::new();
        let _ = tcp.read_to_end(&mut rest).await;
        assert_eq!(rest, [0; 0]);
    }
    let timed_out = |kind: &EventKind| match kind {
        EventKind::HandshakeFailed { reason, .. } => *reason == HandshakeFailure::TimedOut(limit),
        _ => false,
    };
    assert!(server.events.events().iter().all(timed_out));
    assert_eq!(server.events.events().len(), 2);
    // A look whether the port is open is no failure.
    drop(TcpStream::connect(server.address()).await.unwrap());
    let answer = client(&authority).get(format!("https://{}/", server.address()));
    assert_eq!(answer.send().await.unwrap().text().await.unwrap(), CART);
    assert_eq!(server.events.events().len(), 2);
}

#[tokio::test]
async fn handshakes_beyond_the_cap_wait_for_those_within_it() {
    let authority = Authority::new();
    let policy = ListenerPolicy::default()
        .with_max_handshakes(1)
        .with_first_byte_timeout(Duration::ZERO);
    let server = Workload::with(|tcp| {
        let certificates = authority.certificates(USERS);
        MtlsListener::new(tcp, MtlsMode::Permissive, certificates).with_policy(policy)
    })
    .await;
    let first = TcpStream::connect(server.address()).await.unwrap();
    let url = format!("https://{}/", server.address());
    let waiting = tokio::spawn(client(&authority).get(url).send());
    let early = tokio::time::timeout(Duration::from_millis(100), async {
        until(|| waiting.is_finished()).await;
    });
    assert!(early.await.is_err(), "the cap is not kept");
    drop(first);
    let response = waiting.await.unwrap().unwrap();
    assert_eq!(response.text().await.unwrap(), CART);
}

#[tokio::test]
async fn a_graceful_shutdown_ends_requests_in_flight_and_drops_handshakes() {
    let authority = Authority::new();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let listener = MtlsListener::new(tcp, MtlsMode::Strict, authority.certificates(USERS));
    let (enter, entered) = tokio::sync::oneshot::channel();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let once = std::sync::Mutex::new(Some((enter, released)));
    let once = Arc::new(once);
    let handler = move || {
        let (enter, released) = once.lock().unwrap().take().unwrap();
        async move {
            enter.send(()).unwrap();
            released.await.unwrap();
            "done"
        }
    };
    let app = ::axum::Router::new().route("/", ::axum::routing::get(handler));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let serve = ::axum::serve(listener, app).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        serve.await.unwrap();
    });
    let mut silent = TcpStream::connect(address).await.unwrap();
    let call = tokio::spawn(client(&authority).get(format!("https://{address}/")).send());
    entered.await.unwrap();
    stop.send(()).unwrap();
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest).await;
    release.send(()).unwrap();
    assert_eq!(call.await.unwrap().unwrap().text().await.unwrap(), "done");
    server.await.unwrap();
}

#[tokio::test]
async fn plain_text_at_a_strict_port_is_closed_without_an_answer_and_counted_by_caller() {
    let authority = Authority::new();
    let server = Workload::new(MtlsMode::Strict, authority.certificates(USERS)).await;
    for _ in 0..5 {
        let mut tcp = TcpStream::connect(server.address()).await.unwrap();
        tcp.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        let _ = tcp.read_to_end(&mut answer).await;
        assert_eq!(answer, [0; 0]);
    }
    let refused = server.events.events();
    let counts = refused.iter().map(|kind| match kind {
        EventKind::PlaintextRefused { connections, .. } => *connections,
        other => panic!("{other}"),
    });
    // The 5th is counted, and not written to the log.
    assert_eq!(counts.collect::<Vec<_>>(), [1, 2, 4]);
    assert_eq!(server.stats.callers()[0].1.plaintext_refused, 5);
}

#[tokio::test]
async fn a_listener_reports_to_the_observer_it_is_given() {
    let authority = Authority::new();
    let events = Arc::new(RecordingObserver::new(10));
    let listener = listener(&authority, MtlsMode::Strict).await;
    let mut listener = listener
        .with_observer(Arc::clone(&events) as _)
        .named("users");
    let mut tcp = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    tcp.write_all(b"hello").await.unwrap();
    let accepting = tokio::spawn(async move { listener.accept().await });
    until(|| events.count("plaintext_refused") == 1).await;
    let (_, source) = events.take().remove(0);
    assert_eq!(source.name(), Some("users"));
    accepting.abort();
}
