use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

#[cfg(feature = "reqwest")]
use tokio_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use tokio_rustls::rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
#[cfg(feature = "reqwest")]
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, RootCertStore};

use super::leaf::Leaf;
use super::refusal::refused;
use crate::foundation::identity::PeerIdentity;
use crate::foundation::tls::HandshakeFailure;

/// Roots of trust domains, each of which vouches for its own workloads alone.
pub(in crate::transport::mtls) struct Bundles {
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    of_domains: BTreeMap<Box<str>, Bundle>,
}

struct Bundle {
    clients: Arc<dyn ClientCertVerifier>,
    roots: Arc<RootCertStore>,
}

impl Bundles {
    pub(in crate::transport::mtls) fn new(
        domains: impl IntoIterator<Item = (Box<str>, RootCertStore)>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let mut of_domains = BTreeMap::new();
        for (domain, roots) in domains {
            let roots = Arc::new(roots);
            let clients = WebPkiClientVerifier::builder_with_provider(
                Arc::clone(&roots),
                Arc::clone(provider),
            );
            let clients = clients.build()?;
            of_domains.insert(domain, Bundle { clients, roots });
        }
        Ok(Self {
            algorithms: provider.signature_verification_algorithms,
            of_domains,
        })
    }

    /// Verifies the certificate of a client, and returns its identity.
    pub(super) fn verify_client(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<PeerIdentity, rustls::Error> {
        let (identity, bundle) = self.find(leaf)?;
        let verified = bundle.clients.verify_client_cert(leaf, intermediates, now);
        verified.map(|_| identity)
    }

    /// Verifies the certificate of a server, and returns its identity. Its host name is of no importance.
    #[cfg(feature = "reqwest")]
    pub(super) fn verify_server(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<PeerIdentity, rustls::Error> {
        let (identity, bundle) = self.find(leaf)?;
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(leaf)?,
            &bundle.roots,
            intermediates,
            now,
            self.algorithms.all,
        )?;
        Ok(identity)
    }

    /// Reads a leaf, and finds the bundle of its trust domain.
    fn find(&self, leaf: &[u8]) -> Result<(PeerIdentity, &Bundle), rustls::Error> {
        let leaf = Leaf::read(leaf).map_err(refused)?;
        let domain = leaf.identity.trust_domain();
        match self.of_domains.get(domain) {
            Some(bundle) => Ok((leaf.identity, bundle)),
            None => Err(refused(HandshakeFailure::UnknownTrustDomain(domain.into()))),
        }
    }
}

impl Debug for Bundles {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let domains = self.of_domains.iter();
        let domains = domains.map(|(domain, bundle)| (domain, bundle.roots.len()));
        f.debug_map().entries(domains).finish()
    }
}
