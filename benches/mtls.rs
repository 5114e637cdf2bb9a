//! Mutual TLS beside plain rustls, over loopback: requests on one kept connection, a large answer, and new connections.
//!
//! Both sides of both rows demand certificates and resume no session. The server is a thread of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use meshless::mtls::{CertificateOptions, Certificates, Credentials, MtlsListener, MtlsMode};
use rcgen::{CertificateParams, Issuer, KeyPair, KeyUsagePurpose, SanType};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Bytes of the large answer.
const LARGE: usize = 1 << 20;

struct Pki {
    chain: String,
    key: String,
    root: String,
}

fn pki() -> Pki {
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let root = params.self_signed(&key).expect("a root").pem();
    let issuer = Issuer::new(params, key);
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let id = "spiffe://cluster.local/ns/a/sa/b"
        .try_into()
        .expect("a URI");
    params.subject_alt_names.push(SanType::URI(id));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().expect("a key");
    let leaf = params.signed_by(&key, &issuer).expect("a leaf");
    Pki {
        chain: leaf.pem(),
        key: key.serialize_pem(),
        root,
    }
}

impl Pki {
    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.root.as_bytes()).expect("a root");
        roots.add(root).expect("a root");
        Arc::new(roots)
    }

    fn leaf(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let leaf = CertificateDer::from_pem_slice(self.chain.as_bytes()).expect("a leaf");
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key");
        (vec![leaf], key)
    }

    fn server(&self) -> TlsAcceptor {
        let provider = Arc::new(default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(self.roots(), Arc::clone(&provider));
        let (chain, key) = self.leaf();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier.build().expect("a verifier"))
            .with_single_cert(chain, key)
            .expect("a server");
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        TlsAcceptor::from(Arc::new(config))
    }

    fn client(&self) -> TlsConnector {
        let (chain, key) = self.leaf();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(self.roots())
            .with_client_auth_cert(chain, key)
            .expect("a client");
        config.resumption = Resumption::disabled();
        TlsConnector::from(Arc::new(config))
    }
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

async fn serve(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, large: Bytes) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let body = if request.uri().path() == "/large" {
            large.clone()
        } else {
            Bytes::from_static(b"hello")
        };
        async move { Ok::<_, Infallible>(Response::new(Full::new(body))) }
    });
    let server = hyper::server::conn::http1::Builder::new();
    let _ = server.serve_connection(TokioIo::new(io), answer).await;
}

/// Starts a server that ends with the program: the crate's listener, or plain rustls.
fn start(pki: &Pki, is_ours: bool) -> SocketAddr {
    let (tell, address) = std::sync::mpsc::channel();
    let acceptor = pki.server();
    let credentials = Credentials::from_pem(&pki.chain, &pki.key, &pki.root);
    std::thread::spawn(move || {
        runtime().block_on(async move {
            let large = Bytes::from(vec![7; LARGE]);
            let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            tell.send(tcp.local_addr().expect("an address"))
                .expect("a caller");
            if is_ours {
                let options = CertificateOptions::default().with_provider(default_provider());
                let certificates = Certificates::new(credentials, options).expect("certificates");
                let mut listener = MtlsListener::new(tcp, MtlsMode::Permissive, certificates);
                loop {
                    let stream = listener.accept().await;
                    tokio::spawn(serve(stream, large.clone()));
                }
            }
            loop {
                let (stream, _) = tcp.accept().await.expect("a connection");
                stream.set_nodelay(true).expect("a socket");
                let (acceptor, large) = (acceptor.clone(), large.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, large).await;
                    }
                });
            }
        });
    });
    address.recv().expect("a server")
}

async fn connect(address: SocketAddr, tls: &TlsConnector) -> SendRequest<Empty<Bytes>> {
    let tcp = TcpStream::connect(address).await.expect("a connection");
    tcp.set_nodelay(true).expect("a socket");
    let name = "localhost".try_into().expect("a name");
    let stream = tls.connect(name, tcp).await.expect("a handshake");
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .expect("HTTP");
    tokio::spawn(connection);
    sender
}

async fn ask(sender: &mut SendRequest<Empty<Bytes>>, path: &str) -> usize {
    sender.ready().await.expect("a connection");
    let request = Request::get(path).body(Empty::new()).expect("a request");
    let response = sender.send_request(request).await.expect("an answer");
    let body = response.into_body().collect().await.expect("a body");
    body.to_bytes().len()
}

fn benches(criterion: &mut Criterion) {
    let pki = pki();
    let tls = pki.client();
    let runtime = runtime();
    let rows = [("rustls", start(&pki, false)), ("mtls", start(&pki, true))];
    for path in ["/", "/large"] {
        for (name, address) in rows {
            let mut sender = runtime.block_on(connect(address, &tls));
            criterion.bench_function(&format!("mtls/GET {path}, {name}"), |b| {
                b.iter(|| runtime.block_on(ask(&mut sender, path)));
            });
        }
    }
    for (name, address) in rows {
        criterion.bench_function(&format!("mtls/handshake, {name}"), |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let mut sender = connect(address, &tls).await;
                    ask(&mut sender, "/").await
                })
            });
        });
    }
}

criterion_group!(all, benches);
criterion_main!(all);
