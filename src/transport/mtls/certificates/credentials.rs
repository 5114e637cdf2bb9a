use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use super::error::CertificateError;

/// Source of the certificates of a workload, such as a secret store.
///
/// [`Credentials`] are one that does not change, and [`CertificateFiles`](super::super::CertificateFiles) one of files.
pub trait CertificateSource: Debug + Send + Sync {
    /// Returns the present certificates. Called at the start and at each interval of
    /// [`CertificateOptions::with_refresh`](super::super::CertificateOptions::with_refresh), on a thread that may block.
    ///
    /// # Errors
    ///
    /// If they are not available. The last ones stay in use.
    fn load(&self) -> Result<Credentials, CertificateError>;
}

/// Certificate chain, private key and roots of a workload, as PEM.
///
/// Its [`Debug`] does not show the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Credentials {
    pub(super) chain: Pem,
    pub(super) federated: Vec<(Box<str>, Pem)>,
    pub(super) key: Pem,
    pub(super) roots: Pem,
}

/// A text with its place, for errors.
#[derive(Clone, Eq, PartialEq)]
pub(in crate::transport::mtls) struct Pem {
    pub(super) place: Box<str>,
    pub(super) text: Arc<[u8]>,
}

impl Credentials {
    /// Creates credentials of a chain with the leaf first, the leaf's private key (PKCS #8, PKCS #1 or SEC 1), and the
    /// roots of the leaf's own trust domain: old and new ones while roots are replaced.
    pub fn from_pem(
        chain: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
        roots: impl AsRef<[u8]>,
    ) -> Self {
        let pem = |place: &str, text: &[u8]| Pem {
            place: place.into(),
            text: text.into(),
        };
        Self {
            chain: pem("the certificate chain", chain.as_ref()),
            federated: Vec::new(),
            key: pem("the private key", key.as_ref()),
            roots: pem("the roots", roots.as_ref()),
        }
    }

    /// Adds the roots of another trust domain, whose workloads are then accepted too. They vouch for that domain
    /// alone.
    #[must_use]
    pub fn with_federated_roots(
        mut self,
        trust_domain: impl Into<Box<str>>,
        roots: impl AsRef<[u8]>,
    ) -> Self {
        let trust_domain = trust_domain.into();
        let place = format!("the roots of {trust_domain}").into();
        let text = roots.as_ref().into();
        self.federated.push((trust_domain, Pem { place, text }));
        self
    }
}

impl CertificateSource for Credentials {
    fn load(&self) -> Result<Credentials, CertificateError> {
        Ok(self.clone())
    }
}

#[cfg(all(feature = "istio", feature = "reqwest"))]
impl Pem {
    pub(in crate::transport::mtls) fn place(&self) -> &str {
        &self.place
    }
}

impl Debug for Pem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}
