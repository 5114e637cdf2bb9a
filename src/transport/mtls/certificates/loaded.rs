use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::NoServerSessionStorage;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{self, InconsistentKeys, RootCertStore, ServerConfig};

use super::credentials::{Credentials, Pem};
use super::error::CertificateError;
use crate::foundation::identity::PeerIdentity;
use crate::foundation::time::clock;
use crate::transport::mtls::svid::bundles::Bundles;
use crate::transport::mtls::svid::leaf::Leaf;
use crate::transport::mtls::svid::verify_client::VerifyClient;

/// Certificates in the form in which handshakes use them.
pub(in crate::transport::mtls) struct Loaded {
    #[cfg(feature = "reqwest")]
    pub(in crate::transport::mtls) bundles: Arc<Bundles>,
    pub(in crate::transport::mtls) identity: PeerIdentity,
    #[cfg(feature = "reqwest")]
    pub(in crate::transport::mtls) key: Arc<SingleCertAndKey>,
    pub(in crate::transport::mtls) not_after: SystemTime,
    #[cfg(feature = "reqwest")]
    pub(in crate::transport::mtls) provider: Arc<CryptoProvider>,
    pub(in crate::transport::mtls) server: Arc<ServerConfig>,
    not_before: SystemTime,
}

impl Loaded {
    pub(super) fn new(
        credentials: &Credentials,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, CertificateError> {
        let Credentials {
            chain,
            federated,
            key,
            roots,
        } = credentials;
        let place = chain.place.clone();
        let ders = certificates(chain)?;
        let leaf = Leaf::read(&ders[0]).map_err(|failure| CertificateError::InvalidSvid {
            failure,
            place: place.clone(),
        })?;
        let now = clock::system_time();
        if leaf.not_after < now {
            let since = leaf.not_after;
            return Err(CertificateError::Expired { place, since });
        }
        if leaf.not_before > now {
            let until = leaf.not_before;
            return Err(CertificateError::NotYetValid { place, until });
        }
        let certified = certified(ders, key, &place, provider)?;
        let own = leaf.identity.trust_domain();
        // A domain that is named twice has the roots of both.
        let mut domains = vec![(own, root_store(roots)?)];
        for (domain, pem) in federated {
            let store = root_store(pem)?;
            match domains.iter_mut().find(|(known, _)| **known == **domain) {
                Some((_, known)) => known.roots.extend(store.roots),
                None => domains.push((domain, store)),
            }
        }
        let tls = |error: &dyn fmt::Display| CertificateError::Tls {
            place: key.place.clone(),
            reason: error.to_string().into(),
        };
        let domains = domains
            .into_iter()
            .map(|(domain, store)| (domain.into(), store));
        let bundles = Bundles::new(domains, provider).map_err(|error| tls(&error))?;
        let bundles = Arc::new(bundles);
        let key = Arc::new(SingleCertAndKey::from(certified));
        let server = server(&bundles, &key, provider).map_err(|error| tls(&error))?;
        Ok(Self {
            #[cfg(feature = "reqwest")]
            bundles,
            identity: leaf.identity,
            #[cfg(feature = "reqwest")]
            key,
            not_after: leaf.not_after,
            not_before: leaf.not_before,
            #[cfg(feature = "reqwest")]
            provider: Arc::clone(provider),
            server: Arc::new(server),
        })
    }

    /// Returns the time from the start to the end of its validity.
    pub(super) fn life(&self) -> Duration {
        let life = self.not_after.duration_since(self.not_before);
        life.unwrap_or_default()
    }

    /// Returns the time until it expires; 0 if it is expired.
    pub(super) fn left(&self) -> Duration {
        let left = self.not_after.duration_since(clock::system_time());
        left.unwrap_or_default()
    }
}

impl Debug for Loaded {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// Returns the configuration of servers, which demands a certificate of each client.
fn server(
    bundles: &Arc<Bundles>,
    key: &Arc<SingleCertAndKey>,
    provider: &Arc<CryptoProvider>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(VerifyClient(Arc::clone(bundles))))
        .with_cert_resolver(Arc::clone(key) as _);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A resumed session is not verified again: it would outlive a removed root.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Returns the certificates of a text, at least one.
pub(in crate::transport::mtls) fn certificates(
    pem: &Pem,
) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.text).collect();
    let all = all.map_err(|error| invalid(pem, &error))?;
    if all.is_empty() {
        let place = pem.place.clone();
        return Err(CertificateError::NoCertificate { place });
    }
    Ok(all)
}

/// Returns a chain with its private key.
pub(in crate::transport::mtls) fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: &Pem,
    certificate: &str,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, CertificateError> {
    let place = key.place.clone();
    let der = match PrivateKeyDer::from_pem_slice(&key.text) {
        Ok(der) => der,
        Err(pem::Error::NoItemsFound) => return Err(CertificateError::NoKey { place }),
        Err(error) => return Err(invalid(key, &error)),
    };
    CertifiedKey::from_der(chain, der, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            let certificate = certificate.into();
            CertificateError::KeyMismatch { certificate, place }
        }
        error => CertificateError::Tls {
            place,
            reason: error.to_string().into(),
        },
    })
}

/// Returns the roots of a text, at least one.
pub(in crate::transport::mtls) fn root_store(pem: &Pem) -> Result<RootCertStore, CertificateError> {
    let mut store = RootCertStore::empty();
    for root in certificates(pem)? {
        store
            .add(root)
            .map_err(|error| CertificateError::InvalidRoot {
                place: pem.place.clone(),
                reason: error.to_string().into(),
            })?;
    }
    Ok(store)
}

fn invalid(pem: &Pem, error: &pem::Error) -> CertificateError {
    CertificateError::InvalidPem {
        place: pem.place.clone(),
        reason: error.to_string().into(),
    }
}
