use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use crate::foundation::outcome::BoxError;
use crate::foundation::tls::HandshakeFailure;

/// Reason why certificates cannot be used.
///
/// `place` is the file, or the name of the text in memory.
#[non_exhaustive]
#[derive(Clone, Debug, thiserror::Error)]
pub enum CertificateError {
    /// The certificate of the workload is expired.
    #[error("{place}: the certificate is expired")]
    Expired {
        /// Its file.
        place: Box<str>,
        /// The end of its validity.
        since: SystemTime,
    },
    /// The certificate of the workload breaks a rule of X.509-SVIDs, so its peers would refuse it.
    #[error("{place}: {failure}")]
    InvalidSvid {
        /// The rule.
        failure: HandshakeFailure,
        /// Its file.
        place: Box<str>,
    },
    /// A file is not PEM.
    #[error("{place}: not PEM: {reason}")]
    InvalidPem {
        /// The file.
        place: Box<str>,
        /// The fault.
        reason: Box<str>,
    },
    /// A root cannot be used.
    #[error("{place}: root not usable: {reason}")]
    InvalidRoot {
        /// Its file.
        place: Box<str>,
        /// The fault.
        reason: Box<str>,
    },
    /// The private key is not that of the certificate.
    #[error("{place}: the private key does not belong to the certificate of {certificate}")]
    KeyMismatch {
        /// The file of the certificate.
        certificate: Box<str>,
        /// The file of the key.
        place: Box<str>,
    },
    /// A file has no certificate.
    #[error("{place}: no certificate (`BEGIN CERTIFICATE`)")]
    NoCertificate {
        /// The file.
        place: Box<str>,
    },
    /// A file has no private key.
    #[error("{place}: no private key (`BEGIN PRIVATE KEY`)")]
    NoKey {
        /// The file.
        place: Box<str>,
    },
    /// No TLS provider is chosen: none is installed for the process, and none is given.
    #[error(
        "no TLS provider is chosen; at the start of the program call `install_default()` of the provider of rustls \
         that you use, or give it by `CertificateOptions::with_provider`"
    )]
    NoProvider,
    /// A document counts on the roots of the system, for which the crate was built without the feature `rustls`.
    #[error(
        "the roots of the system need the feature `rustls` of meshless, or write `caCertificates`"
    )]
    NoSystemRoots,
    /// The certificate of the workload is not valid yet.
    #[error("{place}: the certificate is not valid yet")]
    NotYetValid {
        /// Its file.
        place: Box<str>,
        /// The start of its validity.
        until: SystemTime,
    },
    /// The source has failed.
    #[error("the source of certificates has failed: {0}")]
    Source(Arc<dyn std::error::Error + Send + Sync>),
    /// The provider rejects the private key, or its settings.
    #[error("{place}: {reason}")]
    Tls {
        /// The file of the key.
        place: Box<str>,
        /// The fault.
        reason: Box<str>,
    },
    /// A file cannot be read.
    #[error("{place}: {error}")]
    Unreadable {
        /// The fault.
        error: Arc<io::Error>,
        /// The file.
        place: Box<str>,
    },
}

impl CertificateError {
    /// Creates an error of a source.
    pub fn source_failed(error: impl Into<BoxError>) -> Self {
        Self::Source(error.into().into())
    }
}
