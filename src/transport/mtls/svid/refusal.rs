//! Reasons of refusals, through the error types of the TLS library.

use std::io;
use std::sync::Arc;

use tokio_rustls::rustls::{self, CertificateError, OtherError};

use crate::foundation::tls::HandshakeFailure;

/// Returns the error with which a verifier refuses a certificate.
pub(in crate::transport::mtls) fn refused(failure: HandshakeFailure) -> rustls::Error {
    let other = OtherError(Arc::new(failure));
    rustls::Error::InvalidCertificate(CertificateError::Other(other))
}

/// Returns the reason why a handshake failed.
pub(in crate::transport::mtls) fn reason(error: &io::Error) -> HandshakeFailure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(error) => of_rustls(error),
        None if is_closed(error.kind()) => HandshakeFailure::Closed,
        None => HandshakeFailure::Other(error.to_string().into()),
    }
}

const fn is_closed(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::UnexpectedEof
    )
}

fn of_rustls(error: &rustls::Error) -> HandshakeFailure {
    match error {
        rustls::Error::AlertReceived(alert) => {
            HandshakeFailure::RefusedByPeer(format!("{alert:?}").into())
        }
        rustls::Error::InvalidCertificate(error) => of_certificate(error),
        rustls::Error::NoCertificatesPresented => HandshakeFailure::NoCertificate,
        other => HandshakeFailure::Other(other.to_string().into()),
    }
}

fn of_certificate(error: &CertificateError) -> HandshakeFailure {
    match error {
        CertificateError::BadEncoding => HandshakeFailure::Malformed,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            HandshakeFailure::Expired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            HandshakeFailure::NotYetValid
        }
        // Where a root of the same name has signed something else, the signature is what is wrong.
        CertificateError::BadSignature | CertificateError::UnknownIssuer => {
            HandshakeFailure::UnknownIssuer
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            HandshakeFailure::WrongName(error.to_string().into())
        }
        CertificateError::Other(OtherError(inner)) => inner
            .downcast_ref::<HandshakeFailure>()
            .cloned()
            .unwrap_or_else(|| HandshakeFailure::Other(error.to_string().into())),
        other => HandshakeFailure::Other(other.to_string().into()),
    }
}
