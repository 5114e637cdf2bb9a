//! Endpoints behind TLS: who is asked for, who is trusted, and how a refusal is recognised.
#![cfg(test)]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use meshless::client::{Client, Error, TcpConnector, Transport};
use meshless::load_balance::{LoadBalance, LoadBalancePolicy};
use meshless::mesh::MeshClient;
use meshless::{Endpoint, Endpoints, Failure, Mesh};
use rcgen::{CertificateParams, CertifiedKey, KeyPair, date_time_ymd};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tower::ServiceExt;

use certified::Certified;
use documents::document;

#[path = "../../support/certified.rs"]
mod certified;
#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "../../support/documents.rs"]
mod documents;

/// A certificate whose time was over long ago.
fn expired(name: &str) -> Certified {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2001, 1, 1);
    let signing_key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&signing_key).unwrap();
    Certified(CertifiedKey { cert, signing_key })
}

/// A server with a certificate, which tells its name and whose certificate it was asked for.
struct Server {
    address: SocketAddr,
    connections: Arc<Mutex<usize>>,
    sni: Arc<Mutex<BTreeSet<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(name: &'static str, certified: &Certified) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sni = Arc::new(Mutex::new(BTreeSet::new()));
        let (acceptor, asked) = (certified.acceptor(), Arc::clone(&sni));
        let connections = Arc::new(Mutex::new(0));
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *count.lock().unwrap() += 1;
                let (acceptor, asked) = (acceptor.clone(), Arc::clone(&asked));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let sni = stream.get_ref().1.server_name().unwrap_or_default();
                    asked.lock().unwrap().insert(sni.to_owned());
                    let answer = service_fn(move |request: Request<Incoming>| async move {
                        let host = request.headers().get("host").cloned();
                        // Over HTTP/2 it is `:authority`, and nothing else.
                        let authority = || request.uri().authority().unwrap().to_string();
                        let host = host.map_or_else(authority, |h| h.to_str().unwrap().into());
                        let text = format!("{name} for {host}");
                        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
                    });
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Self {
            address,
            connections,
            sni,
            task,
        }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::try_from(self.address.to_string().as_str()).unwrap()
    }

    fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    fn sni(&self) -> Vec<String> {
        self.sni.lock().unwrap().iter().cloned().collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One TLS configuration for all endpoints, which trusts whom it is told to.
fn trusting(certified: &[&Certified]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certified in certified {
        roots.add(certified.certificate()).unwrap();
    }
    ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn transport(endpoint: &Endpoint, tls: &ClientConfig) -> Transport {
    let builder = reqwest::Client::builder().tls_backend_preconfigured(tls.clone());
    Transport::to_endpoint(builder, endpoint).unwrap()
}

#[tokio::test]
async fn endpoints_under_one_name_are_asked_for_its_certificate() {
    let users = Certified::of("users.example");
    let servers = [
        Server::start("a", &users).await,
        Server::start("b", &users).await,
    ];
    let endpoints = Endpoints::fixed(servers.iter().map(Server::endpoint));
    let tls = trusting(&[&users]);
    let balance = LoadBalance::new(LoadBalancePolicy::default(), endpoints, move |endpoint| {
        transport(endpoint, &tls)
    });
    let client = Client::new(balance);
    for (url, host) in [
        ("https://users.example/", "users.example"),
        ("https://users.example:8443/", "users.example:8443"),
    ] {
        let mut seen = BTreeSet::new();
        while seen.len() < 2 {
            let response = client.get(url).send().await.unwrap();
            seen.insert(response.text().await.unwrap());
        }
        let expected = ["a", "b"].map(|name| format!("{name} for {host}"));
        assert_eq!(seen, BTreeSet::from(expected));
    }
    for server in &servers {
        assert_eq!(server.sni(), ["users.example"]);
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_a_failure_to_connect() {
    let other = Certified::of("other.example");
    let server = Server::start("a", &other).await;
    let transport = transport(&server.endpoint(), &trusting(&[&other]));
    let error = Client::new(transport).get("https://users.example/").send();
    assert_refused(&error.await.unwrap_err());
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_a_failure_to_connect() {
    let users = Certified::of("users.example");
    let server = Server::start("a", &users).await;
    let transport = transport(&server.endpoint(), &trusting(&[]));
    let error = Client::new(transport).get("https://users.example/").send();
    assert_refused(&error.await.unwrap_err());
}

fn mesh_client(yaml: &str, tls: ClientConfig) -> MeshClient {
    let mesh = Mesh::from_yaml(yaml).unwrap();
    let make = move || reqwest::Client::builder().tls_backend_preconfigured(tls.clone());
    mesh.workload("w", "default").client_with(make).unwrap()
}

/// Clients over either kind of connections: the crate's own, and those of reqwest's connector.
fn mesh_clients(yaml: &str, tls: &ClientConfig) -> [MeshClient; 2] {
    let mesh = Mesh::from_yaml(yaml).unwrap();
    let connector = TcpConnector::new().without_proxies().with_tls(tls.clone());
    let own = mesh
        .workload("w", "default")
        .client_with_connector(connector);
    [own, mesh_client(yaml, tls.clone())]
}

/// Says that a host has two servers as its endpoints, on a port of some protocol.
fn entry(host: &str, port: &str, servers: &[Server; 2]) -> String {
    let [a, b] = servers.each_ref().map(|server| server.address.port());
    let endpoints = format!(
        "{{address: 127.0.0.1, ports: {{web: {a}}}}}, \
         {{address: 127.0.0.1, ports: {{web: {b}}}, labels: {{second: 'true'}}}}"
    );
    let spec = format!(
        "{{hosts: [{host}], ports: [{port}], resolution: STATIC, endpoints: [{endpoints}]}}"
    );
    document("ServiceEntry", "users", &spec)
}

async fn both_answer(client: &MeshClient, url: &str, host: &str) {
    let mut seen = BTreeSet::new();
    for _ in 0..50 {
        let response = client.get(url).send().await.unwrap();
        seen.insert(response.text().await.unwrap());
    }
    let expected = ["a", "b"].map(|name| format!("{name} for {host}"));
    assert_eq!(seen, BTreeSet::from(expected));
}

#[tokio::test]
async fn a_mesh_asks_each_endpoint_for_the_certificate_of_the_name_that_is_called() {
    let users = Certified::of("users.example");
    let servers = [
        Server::start("a", &users).await,
        Server::start("b", &users).await,
    ];
    let port = "{number: 443, name: web, protocol: HTTPS}";
    let yaml = entry("users.example", port, &servers);
    for client in mesh_clients(&yaml, &trusting(&[&users])) {
        both_answer(&client, "https://users.example/", "users.example").await;
    }
    for server in &servers {
        assert_eq!(server.sni(), ["users.example"]);
    }
}

#[tokio::test]
async fn a_mesh_starts_tls_where_its_rule_says_so_and_under_the_name_that_it_says() {
    let users = Certified::of("users.example");
    let servers = [
        Server::start("a", &users).await,
        Server::start("b", &users).await,
    ];
    let port = "{number: 80, name: web, protocol: HTTP}";
    let rule = |sni: &str| {
        format!(
            "
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: users}}
spec:
  host: users.internal
  trafficPolicy:
    tls: {{mode: SIMPLE, sni: {sni}}}
"
        )
    };
    let entry = entry("users.internal", port, &servers);
    let yaml = format!("{entry}{}", rule("users.example"));
    for client in mesh_clients(&yaml, &trusting(&[&users])) {
        both_answer(&client, "http://users.internal/", "users.internal").await;
    }
    for server in &servers {
        assert_eq!(server.sni(), ["users.example"]);
    }

    let yaml = format!("{entry}{}", rule("other.example"));
    for client in mesh_clients(&yaml, &trusting(&[&users])) {
        let error = client.get("http://users.internal/").send().await;
        assert_refused(&error.unwrap_err());
    }
}

/// Over HTTP/2 there is no `Host` that could stay what it is while the URI has another name.
#[tokio::test]
async fn a_name_for_tls_changes_nothing_of_whom_a_request_is_for_over_http2_either() {
    let users = Certified::of("users.example");
    let servers = [
        Server::start("a", &users).await,
        Server::start("b", &users).await,
    ];
    let rule = "
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: users}
spec:
  host: users.internal
  trafficPolicy:
    tls: {mode: SIMPLE, sni: users.example}
";
    for (protocol, url, host) in [
        ("HTTP2", "http://users.internal/", "users.internal"),
        ("GRPC", "http://users.internal:8080/", "users.internal:8080"),
        ("HTTP", "http://users.internal:8080/", "users.internal:8080"),
    ] {
        let port = format!("{{number: 8080, name: web, protocol: {protocol}}}");
        let yaml = format!("{}{rule}", entry("users.internal", &port, &servers));
        for client in mesh_clients(&yaml, &trusting(&[&users])) {
            both_answer(&client, url, host).await;
        }
    }
    for server in &servers {
        assert_eq!(server.sni(), ["users.example"]);
    }
}

#[tokio::test]
async fn endpoints_share_a_connector_and_limits_hold_over_tls() {
    let users = Certified::of("users.example");
    let servers = [
        Server::start("a", &users).await,
        Server::start("b", &users).await,
    ];
    let port = "{number: 443, name: web, protocol: HTTPS}";
    let rule = "
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: users}
spec:
  host: users.example
  trafficPolicy:
    connectionPool: {http: {maxRequestsPerConnection: 2}}
";
    let yaml = format!("{}{rule}", entry("users.example", port, &servers));
    let mesh = Mesh::from_yaml(&yaml).unwrap();
    let (tls, builders) = (trusting(&[&users]), Arc::new(Mutex::new(0)));
    let count = Arc::clone(&builders);
    let make = move || {
        *count.lock().unwrap() += 1;
        reqwest::Client::builder().tls_backend_preconfigured(tls.clone())
    };
    let client = mesh.workload("w", "default").client_with(make).unwrap();
    both_answer(&client, "https://users.example/", "users.example").await;
    assert_eq!(
        *builders.lock().unwrap(),
        2,
        "at once, and for all endpoints"
    );
    let connections: usize = servers.iter().map(Server::connections).sum();
    // Two of fifty requests on each; where both endpoints have an odd share, each has a last one with one.
    assert!(
        (25..=26).contains(&connections),
        "{connections} connections"
    );
}

#[tokio::test]
async fn an_expired_certificate_is_named_to_callers_who_come_after_the_ejection_too() {
    let users = expired("users.example");
    let server = Server::start("a", &users).await;
    let port = "{number: 443, name: web, protocol: HTTPS}";
    let rule = "
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: users}
spec:
  host: users.example
  trafficPolicy:
    outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 100}
";
    let servers = [server, Server::start("b", &users).await];
    let yaml = format!("{}{rule}", entry("users.example", port, &servers));
    let client = mesh_client(&yaml, trusting(&[&users]));
    let mut texts = Vec::new();
    for _ in 0..10 {
        let error = client.get("https://users.example/").send().await;
        let error = error.unwrap_err();
        let sources = std::iter::successors(std::error::Error::source(&error), |e| e.source());
        let sources: Vec<_> = sources.map(ToString::to_string).collect();
        let text = format!("{error}: {}", sources.join(": "));
        assert!(text.to_ascii_lowercase().contains("expired"), "{text}");
        texts.push((error.is_rejected(), text));
    }
    assert!(
        texts.iter().any(|(is_rejected, _)| *is_rejected),
        "{texts:?}"
    );
}

#[tokio::test]
async fn a_gateway_asks_for_the_certificate_of_the_service_whatever_host_a_stranger_names() {
    let users = Certified::of("users.internal");
    let servers = [
        Server::start("a", &users).await,
        Server::start("b", &users).await,
    ];
    let port = "{number: 80, name: web, protocol: HTTP}";
    let yaml = format!(
        "{}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: users}}
spec:
  host: users.internal
  trafficPolicy:
    tls: {{mode: SIMPLE}}
    outlierDetection: {{consecutive5xxErrors: 1}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: ingress}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
  - port: {{number: 80, name: http, protocol: HTTP}}
    hosts: ['*']
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: users}}
spec:
  hosts: ['*']
  gateways: [ingress]
  http:
  - route: [{{destination: {{host: users.internal}}}}]
",
        entry("users.internal", port, &servers)
    );
    let mesh = Mesh::from_yaml(&yaml).unwrap();
    let tls = trusting(&[&users]);
    let make = move || reqwest::Client::builder().tls_backend_preconfigured(tls.clone());
    let gateway = mesh.gateway("ingress", "default").unwrap();
    let gateway = gateway.service_with(make).unwrap();
    for host in ["stranger.example", "10.1.2.3:9901", "users.internal"] {
        let request = Request::get("/").header("host", host);
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let response = gateway.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{host}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.ends_with(&format!(" for {host}")), "{text}");
    }
    let asked: BTreeSet<_> = servers.iter().flat_map(Server::sni).collect();
    assert_eq!(asked, BTreeSet::from(["users.internal".to_owned()]));
}

fn assert_refused(error: &Error) {
    assert_eq!(Failure::of(error), Failure::Tls, "{error:?}");
    assert!(Failure::of(error).never_processed());
    assert!(error.is_connect(), "{error:?}");
}
