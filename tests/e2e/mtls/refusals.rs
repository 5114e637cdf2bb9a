use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use meshless::client::{Client, TcpConnector, Transport};
use meshless::events::{EventKind, HandshakeFailure};
use meshless::mtls::MtlsMode;
use meshless::pool::PoolPolicy;
use meshless::{Failure, mtls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyUsagePurpose, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{ClientConfig, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::Workload;
use super::identities::{Authority, CART, Leaf, USERS, certificates, leaf_params};

/// Leaves that break a rule, each with the reason of its refusal.
fn broken(authority: &Authority) -> Vec<(Leaf, HandshakeFailure)> {
    let change = |change: fn(&mut CertificateParams)| {
        let mut params = leaf_params(&[CART]);
        change(&mut params);
        authority.sign(&params)
    };
    vec![
        (
            change(|params| {
                params.not_before = date_time_ymd(2000, 1, 1);
                params.not_after = date_time_ymd(2001, 1, 1);
            }),
            HandshakeFailure::Expired,
        ),
        (
            change(|params| params.not_before = date_time_ymd(2900, 1, 1)),
            HandshakeFailure::NotYetValid,
        ),
        (
            change(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            HandshakeFailure::CaCertificate,
        ),
        (
            change(|params| params.key_usages.push(KeyUsagePurpose::KeyCertSign)),
            HandshakeFailure::SigningCertificate,
        ),
        (
            change(|params| params.key_usages.clear()),
            HandshakeFailure::NoDigitalSignature,
        ),
        (
            authority.sign(&leaf_params(&[CART, USERS])),
            HandshakeFailure::SeveralUris,
        ),
        (authority.sign(&leaf_params(&[])), HandshakeFailure::NoUri),
        (
            authority.issue("spiffe://elsewhere.example/ns/shop/sa/cart"),
            HandshakeFailure::UnknownTrustDomain("elsewhere.example".into()),
        ),
        (
            Authority::new().issue(CART),
            HandshakeFailure::UnknownIssuer,
        ),
    ]
}

/// Calls a server over TLS that trusts everything, with this certificate.
async fn call(address: SocketAddr, leaf: Option<&Leaf>) -> io::Result<String> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting));
    let config = match leaf {
        Some(leaf) => {
            let (chain, key) = leaf.der();
            config.with_client_auth_cert(chain, key).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    let tcp = TcpStream::connect(address).await?;
    let tls = TlsConnector::from(Arc::new(config));
    let mut tls = tls.connect("a.example".try_into().unwrap(), tcp).await?;
    tls.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    tls.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_server_refuses_what_breaks_a_rule_and_names_the_reason() {
    let authority = Authority::new();
    let server = Workload::new(MtlsMode::Strict, authority.certificates(USERS)).await;
    for (leaf, reason) in broken(&authority) {
        let server = Workload::new(MtlsMode::Strict, authority.certificates(USERS)).await;
        let answer = call(server.address(), Some(&leaf)).await;
        assert!(answer.is_err(), "{reason:?}: {answer:?}");
        server.events.assert_any(|event| {
            let EventKind::HandshakeFailed { reason: own, .. } = event.kind() else {
                return false;
            };
            *own == reason
        });
    }
    let answer = call(server.address(), Some(&authority.issue(CART))).await;
    assert!(answer.unwrap().ends_with(CART));
    assert_eq!(server.events.names().len(), 0);
}

#[tokio::test]
async fn a_stranger_without_a_certificate_is_refused() {
    let authority = Authority::new();
    for mode in [MtlsMode::Strict, MtlsMode::Permissive] {
        let server = Workload::new(mode, authority.certificates(USERS)).await;
        let answer = call(server.address(), None).await;
        assert!(answer.is_err(), "{answer:?}");
        let events = server.events.take();
        let [
            (
                EventKind::HandshakeFailed {
                    reason,
                    failures: 1,
                    ..
                },
                _,
            ),
        ] = &events[..]
        else {
            panic!("{events:?}");
        };
        assert_eq!(*reason, HandshakeFailure::NoCertificate);
        let callers = server.stats.callers();
        assert_eq!(callers[0].1.failed_handshakes, 1);
    }
}

#[tokio::test]
async fn a_root_that_is_removed_from_the_bundle_vouches_for_no_new_connection() {
    let [old, new] = [Authority::new(), Authority::new()];
    let own = new.issue(USERS);
    let both = format!("{}{}", old.root(), new.root());
    let bundle = |roots: &str| mtls::Credentials::from_pem(&own.chain, &own.key, roots);
    let certificates = certificates(&bundle(&both));
    let server = Workload::new(MtlsMode::Strict, certificates.clone()).await;
    let caller = old.issue(CART);
    let answer = call(server.address(), Some(&caller)).await;
    assert!(answer.unwrap().ends_with(CART));
    certificates.replace(&bundle(new.root())).unwrap();
    let answer = call(server.address(), Some(&caller)).await;
    assert!(answer.is_err(), "{answer:?}");
    server
        .events
        .assert_any(|event| event.reason() == Some("unknown_issuer"));
}

#[tokio::test]
async fn roots_of_a_federated_domain_vouch_for_its_workloads_alone() {
    let [own, partner] = [Authority::new(), Authority::new()];
    let credentials = own.credentials(USERS);
    let credentials = credentials.with_federated_roots("partner.example", partner.root());
    let server = Workload::new(MtlsMode::Strict, certificates(&credentials)).await;
    let theirs = "spiffe://partner.example/ns/shop/sa/cart";
    let answer = call(server.address(), Some(&partner.issue(theirs))).await;
    assert!(answer.unwrap().ends_with(theirs));
    for (authority, id) in [(&partner, CART), (&own, theirs)] {
        let answer = call(server.address(), Some(&authority.issue(id))).await;
        assert!(answer.is_err(), "{id}: {answer:?}");
    }
}

#[tokio::test]
async fn a_client_refuses_a_server_that_breaks_a_rule_and_names_the_reason() {
    let authority = Authority::new();
    let other = HandshakeFailure::WrongName(CART.into());
    let leaves = broken(&authority).into_iter();
    for (leaf, reason) in leaves.chain([(authority.issue(CART), other)]) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (chain, key) = leaf.der();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            acceptor.accept(tcp).await.is_err()
        });
        let connector = TcpConnector::new()
            .without_proxies()
            .with_mtls(authority.certificates(CART), [USERS]);
        let client = Client::new(Transport::pooled(PoolPolicy::default(), connector));
        let error = client.get(format!("https://{address}/")).send().await;
        let error = error.unwrap_err();
        assert_eq!(Failure::of(&error), Failure::Tls, "{error:?}");
        let sources = std::iter::successors(std::error::Error::source(&error), |e| e.source());
        let sources: Vec<_> = sources.map(ToString::to_string).collect();
        assert_eq!(*sources.last().unwrap(), reason.to_string(), "{sources:?}");
        assert!(server.await.unwrap());
    }
}

/// Verifier of a test's client, which looks at nothing: the server is what is tested.
#[derive(Debug)]
struct Trusting;

mod trusting {
    use tokio_rustls::rustls::client::danger::{
        HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
    };
    use tokio_rustls::rustls::crypto::ring::default_provider;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use tokio_rustls::rustls::{DigitallySignedStruct, Error, SignatureScheme};

    impl ServerCertVerifier for super::Trusting {
        fn verify_server_cert(
            &self,
            _leaf: &CertificateDer<'_>,
            _intermediates: &[CertificateDer<'_>],
            _name: &ServerName<'_>,
            _ocsp: &[u8],
            _now: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _message: &[u8],
            _leaf: &CertificateDer<'_>,
            _signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _message: &[u8],
            _leaf: &CertificateDer<'_>,
            _signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            let provider = default_provider();
            provider
                .signature_verification_algorithms
                .supported_schemes()
        }
    }
}
