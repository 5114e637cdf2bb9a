use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::credentials::{CertificateSource, Credentials, Pem};
use super::error::CertificateError;

/// Files with the certificates of a workload, as cert-manager, SPIFFE helpers and Istio's agent write them.
///
/// They are read again at each interval. A chain and a key that do not belong together, because only one of them is
/// written yet, stay unused until both are there.
///
/// ```
/// use meshless::mtls::CertificateFiles;
///
/// let files = CertificateFiles::new("/etc/certs/cert-chain.pem", "/etc/certs/key.pem", "/etc/certs/root-cert.pem")
///     .with_federated_roots("partner.example", "/etc/certs/partner.pem");
/// # let _ = files;
/// ```
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    chain: PathBuf,
    federated: Vec<(Box<str>, PathBuf)>,
    key: PathBuf,
    roots: PathBuf,
}

/// Largest file that is read: beyond it, it is no file of certificates.
const MAX_BYTES: u64 = 16 << 20;

impl CertificateFiles {
    /// Names the files of the chain with the leaf first, of the leaf's private key, and of the roots of its trust
    /// domain.
    pub fn new(
        chain: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
        roots: impl Into<PathBuf>,
    ) -> Self {
        Self {
            chain: chain.into(),
            federated: Vec::new(),
            key: key.into(),
            roots: roots.into(),
        }
    }

    /// Adds the file with the roots of another trust domain, whose workloads are then accepted too.
    #[must_use]
    pub fn with_federated_roots(
        mut self,
        trust_domain: impl Into<Box<str>>,
        roots: impl Into<PathBuf>,
    ) -> Self {
        self.federated.push((trust_domain.into(), roots.into()));
        self
    }
}

impl CertificateSource for CertificateFiles {
    fn load(&self) -> Result<Credentials, CertificateError> {
        let federated = self.federated.iter();
        let federated = federated.map(|(domain, path)| Ok((domain.clone(), read(path)?)));
        Ok(Credentials {
            chain: read(&self.chain)?,
            federated: federated.collect::<Result<_, CertificateError>>()?,
            key: read(&self.key)?,
            roots: read(&self.roots)?,
        })
    }
}

/// Reads a file of certificates.
pub(in crate::transport::mtls) fn read(path: &Path) -> Result<Pem, CertificateError> {
    let place: Box<str> = path.display().to_string().into();
    let read = || {
        let mut text = Vec::new();
        let file = fs::File::open(path)?;
        let length = file.take(MAX_BYTES + 1).read_to_end(&mut text)?;
        if length as u64 > MAX_BYTES {
            return Err(std::io::Error::other("over 16 MiB"));
        }
        Ok(text)
    };
    match read() {
        Ok(text) => Ok(Pem {
            place,
            text: text.into(),
        }),
        Err(error) => Err(CertificateError::Unreadable {
            error: Arc::new(error),
            place,
        }),
    }
}
