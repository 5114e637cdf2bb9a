use std::io;
use std::sync::Arc;

use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::client::Resumption;

#[cfg(feature = "istio")]
use super::files::{FileTls, TlsFiles};
use crate::foundation::tls::HandshakeFailure;
use crate::transport::mtls::certificates::error::CertificateError;
use crate::transport::mtls::certificates::handle::Certificates;
use crate::transport::mtls::svid::refusal::reason;
use crate::transport::mtls::svid::verify_server::VerifyServer;

/// TLS of the connections to one cluster.
#[derive(Debug)]
pub(crate) struct ClusterTls {
    alpn: Vec<Vec<u8>>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Certificates of the mesh, and the accepted servers.
    Mesh(Certificates, Accepted),
    /// Files that a document names.
    #[cfg(feature = "istio")]
    Files(FileTls),
}

/// Servers that a client of the mesh accepts: all if both lists are empty.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    /// Names in certificates.
    pub(crate) names: Arc<[Box<str>]>,
    /// Namespaces and service accounts of the client's own trust domain.
    pub(crate) accounts: Box<[(Box<str>, Box<str>)]>,
}

impl ClusterTls {
    /// Creates the TLS of a client by hand, which negotiates the version of HTTP.
    pub(crate) fn by_hand(certificates: Certificates, names: Arc<[Box<str>]>) -> Self {
        let accepted = Accepted {
            names,
            ..Accepted::default()
        };
        Self {
            alpn: protocols(&["h2", "http/1.1"]),
            kind: Kind::Mesh(certificates, accepted),
        }
    }

    /// Creates TLS of the mode `ISTIO_MUTUAL`.
    #[cfg(feature = "istio")]
    pub(crate) fn istio_mutual(
        certificates: Certificates,
        accepted: Accepted,
        is_http2: bool,
    ) -> Self {
        // By the first two Istio's sidecars recognise mutual TLS of the mesh on a permissive port.
        let alpn = if is_http2 {
            ["istio-h2", "istio", "h2"]
        } else {
            ["istio-http/1.1", "istio", "http/1.1"]
        };
        Self {
            alpn: protocols(&alpn),
            kind: Kind::Mesh(certificates, accepted),
        }
    }

    /// Creates TLS of the modes `SIMPLE` and `MUTUAL`.
    #[cfg(feature = "istio")]
    pub(crate) fn with_files(files: TlsFiles, is_http2: bool) -> Self {
        let alpn: &[&str] = if is_http2 {
            &["h2"]
        } else {
            &["h2", "http/1.1"]
        };
        Self {
            alpn: protocols(alpn),
            kind: Kind::Files(FileTls::new(files)),
        }
    }

    /// Returns the configuration of the next handshake.
    pub(crate) async fn config(&self) -> Result<Arc<ClientConfig>, CertificateError> {
        match &self.kind {
            Kind::Mesh(certificates, accepted) => {
                mesh(certificates, accepted, &self.alpn).map(Arc::new)
            }
            #[cfg(feature = "istio")]
            Kind::Files(files) => files.config(&self.alpn).await,
        }
    }
}

fn protocols(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

/// Returns the configuration for one handshake with the present certificates of the mesh.
fn mesh(
    certificates: &Certificates,
    accepted: &Accepted,
    alpn: &[Vec<u8>],
) -> Result<ClientConfig, CertificateError> {
    let loaded = certificates.loaded();
    let accepted = if accepted.accounts.is_empty() {
        Arc::clone(&accepted.names)
    } else {
        let domain = loaded.identity.trust_domain();
        let accounts = accepted.accounts.iter();
        let accounts = accounts.map(|(namespace, account)| {
            format!("spiffe://{domain}/ns/{namespace}/sa/{account}").into()
        });
        accepted.names.iter().cloned().chain(accounts).collect()
    };
    let verifier = VerifyServer {
        accepted,
        bundles: Arc::clone(&loaded.bundles),
    };
    let config = ClientConfig::builder_with_provider(Arc::clone(&loaded.provider))
        .with_safe_default_protocol_versions();
    let config = config.map_err(|error| CertificateError::Tls {
        place: "the TLS provider".into(),
        reason: error.to_string().into(),
    })?;
    let mut config = config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::clone(&loaded.key) as _);
    config.alpn_protocols = alpn.to_vec();
    // A resumed session is not verified again: it would outlive a removed root.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Names the reason of a handshake that failed.
pub(crate) fn with_reason(error: io::Error) -> io::Error {
    match reason(&error) {
        // The kind of the error says how.
        HandshakeFailure::Closed => error,
        failure => io::Error::new(io::ErrorKind::InvalidData, failure),
    }
}
