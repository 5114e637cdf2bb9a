//! Connections of the crate's own: what is sent over them, TLS and tunnels.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};

use ::axum::Router;
use ::axum::body::Bytes;
use ::axum::http::{HeaderMap, Method, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use meshless::client::{Client, TcpConnector, Transport};
use meshless::pool::PoolPolicy;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::{Certified, Server};

/// Where the server behind a tunnel listens, and its certificate.
const ADDRESS: &str = "MESHLESS_TEST_ADDRESS";
const CERTIFICATE: &str = "MESHLESS_TEST_CERTIFICATE";

fn client(connector: TcpConnector) -> Client {
    Client::new(Transport::pooled(PoolPolicy::default(), connector))
}

/// A server that answers with what it was asked.
fn echo() -> Router {
    Router::new().fallback(
        async |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let mut headers: BTreeMap<_, _> = headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
                .collect();
            // reqwest says that it accepts anything, which is what silence means.
            headers.remove("accept");
            format!("{method} {uri} {headers:?} {body:?}")
        },
    )
}

/// Serves HTTP/1 and HTTP/2 over TLS, and counts connections.
async fn https(certified: &Certified) -> (Server, Arc<Mutex<usize>>) {
    let acceptor = certified.acceptor_of(&[b"h2", b"http/1.1"]);
    let connections = Arc::new(Mutex::new(0));
    let count = Arc::clone(&connections);
    let server = Server::run(|listener, stopped| async move {
        let serve = async {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                *count.lock().unwrap() += 1;
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let tls = acceptor.accept(tcp).await.unwrap();
                    let service = TowerToHyperService::new(echo());
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(tls), service).await;
                });
            }
        };
        tokio::select! {
            () = serve => {}
            () = stopped => {}
        }
    })
    .await;
    (server, connections)
}

fn trusting(certificate: CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

#[tokio::test]
async fn requests_arrive_as_reqwest_sends_them() {
    let server = Server::axum(echo()).await;
    let own = client(TcpConnector::new().without_proxies());
    let theirs = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = server.url("/a/../b?x=1");
    let with_user = url.replace("http://", "http://me:p%40ss@");
    for (own, theirs) in [
        (own.get(&url), theirs.get(&url)),
        (own.head(&url), theirs.head(&url)),
        (own.post(&url), theirs.post(&url)),
        (own.put(&url).body("text"), theirs.put(&url).body("text")),
        (own.get(&with_user), theirs.get(&with_user)),
        (own.get(server.url("")), theirs.get(server.url(""))),
    ] {
        let (own, theirs) = (own.send().await.unwrap(), theirs.send().await.unwrap());
        assert_eq!(own.url(), theirs.url());
        assert_eq!(own.content_length(), theirs.content_length());
        assert_eq!(own.text().await.unwrap(), theirs.text().await.unwrap());
    }
    drop((own, theirs));
    server.stop().await;
}

#[tokio::test]
async fn https_negotiates_http2_and_shares_a_connection() {
    let certified = Certified::of("localhost");
    let (server, connections) = https(&certified).await;
    let tls = trusting(certified.certificate());
    let client = client(TcpConnector::new().without_proxies().with_tls(tls));
    // The server has no IPv6 address: the connector goes on to the other family.
    let url = format!("https://localhost:{}/", server.address().port());
    // What is negotiated is known from the first connection on.
    let first = client.get(&url).send().await.unwrap();
    assert!(first.text().await.is_ok());
    let calls = (0..8).map(|_| client.get(&url).send());
    for response in futures_util::future::join_all(calls).await {
        let response = response.unwrap();
        assert_eq!(response.version(), http::Version::HTTP_2);
        assert!(
            response
                .text()
                .await
                .unwrap()
                .starts_with("GET https://localhost:")
        );
    }
    assert_eq!(*connections.lock().unwrap(), 1);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_certificate_that_no_root_vouches_for_is_a_failure_to_connect() {
    let (certified, other) = (Certified::of("localhost"), Certified::of("localhost"));
    let acceptor = certified.acceptor_of(&[]);
    let server = Server::run(|listener, stopped| async move {
        let (tcp, _) = listener.accept().await.unwrap();
        assert!(acceptor.accept(tcp).await.is_err());
        stopped.await;
    })
    .await;
    let connector = TcpConnector::new().without_proxies();
    let client = client(connector.with_tls(trusting(other.certificate())));
    let url = format!("https://localhost:{}/", server.address().port());
    let error = client.get(url).send().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert_eq!(error.failure(), Some(meshless::Failure::Tls));
    server.stop().await;
}

#[tokio::test]
#[ignore = "the other test runs it where there is a proxy for https"]
async fn where_there_is_a_proxy_for_https() {
    let (address, certificate) = (
        std::env::var(ADDRESS).unwrap(),
        std::env::var(CERTIFICATE).unwrap(),
    );
    let certificate: Vec<u8> = certificate
        .split(',')
        .map(|byte| byte.parse().unwrap())
        .collect();
    let client = client(TcpConnector::new().with_tls(trusting(certificate.into())));
    let url = format!("https://{address}/behind");
    let response = client.get(&url).send().await.unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    let text = response.text().await.unwrap();
    assert!(text.starts_with(&format!("GET {url} ")), "{text}");
}

/// A proxy that opens one tunnel; it returns the head of the request for it.
async fn proxy(tunnel_to: std::net::SocketAddr) -> (Server, Arc<Mutex<String>>) {
    let asked = Arc::new(Mutex::new(String::new()));
    let head = Arc::clone(&asked);
    let server = Server::run(|listener, _| async move {
        let (mut caller, _) = listener.accept().await.unwrap();
        let mut read = String::new();
        while !read.ends_with("\r\n\r\n") {
            let byte = caller.read_u8().await.unwrap();
            read.push(byte.into());
        }
        *head.lock().unwrap() = read;
        caller.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let mut server = TcpStream::connect(tunnel_to).await.unwrap();
        let _ = copy_bidirectional(&mut caller, &mut server).await;
    })
    .await;
    (server, asked)
}

#[tokio::test]
async fn https_goes_through_a_tunnel_of_the_proxy_of_the_environment() {
    let certified = Certified::of("localhost");
    let (server, _) = https(&certified).await;
    let (proxy, asked) = proxy(server.address()).await;
    let certificate: Vec<_> = certified.certificate().iter().map(u8::to_string).collect();
    let address = format!("localhost:{}", server.address().port());
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args([
            "--exact",
            "own_connections::where_there_is_a_proxy_for_https",
            "--ignored",
        ])
        .env(ADDRESS, &address)
        .env(CERTIFICATE, certificate.join(","))
        .env("HTTPS_PROXY", format!("http://user:pw@{}", proxy.address()));
    for other in [
        "NO_PROXY",
        "no_proxy",
        "ALL_PROXY",
        "all_proxy",
        "https_proxy",
    ] {
        child.env_remove(other);
    }
    let ended = tokio::task::spawn_blocking(move || child.output())
        .await
        .unwrap()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(
        ended.status.success() && said.contains("1 passed"),
        "{said}"
    );
    let asked = asked.lock().unwrap().to_lowercase();
    assert!(
        asked.starts_with(&format!("connect {address} http/1.1\r\n")),
        "{asked}"
    );
    assert!(
        asked.contains("proxy-authorization: basic dxnlcjpwdw=="),
        "{asked}"
    );
    proxy.stop().await;
    server.stop().await;
}
