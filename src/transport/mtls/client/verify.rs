//! Verifiers of servers for the modes `SIMPLE` and `MUTUAL`.

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use tokio_rustls::rustls::crypto::WebPkiSupportedAlgorithms;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{Error, RootCertStore};

use crate::transport::mtls::svid::refusal::refused;
use crate::transport::mtls::svid::subject_names::has_one_of;

/// Verifier that accepts every certificate (`insecureSkipVerify`); the handshake proves its key alone.
#[derive(Debug)]
pub(super) struct Unverified(pub(super) WebPkiSupportedAlgorithms);

/// Verifier by given roots, and by accepted names or the name of the handshake.
#[derive(Debug)]
pub(super) struct VerifyNames {
    accepted: Arc<[Box<str>]>,
    algorithms: WebPkiSupportedAlgorithms,
    roots: RootCertStore,
}

/// Verifier by the roots of the system.
#[cfg(feature = "rustls")]
#[derive(Debug)]
pub(super) struct VerifySystem {
    pub(super) accepted: Arc<[Box<str>]>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    pub(super) system: rustls_platform_verifier::Verifier,
}

impl VerifyNames {
    pub(super) const fn new(
        accepted: Arc<[Box<str>]>,
        roots: RootCertStore,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Self {
        Self {
            accepted,
            algorithms,
            roots,
        }
    }
}

impl ServerCertVerifier for Unverified {
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

    signatures!(self => &self.0);
}

impl ServerCertVerifier for VerifyNames {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(leaf)?;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        )?;
        if self.accepted.is_empty() {
            verify_server_name(&parsed, name)?;
        } else {
            accept(leaf, &self.accepted)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    signatures!(self => &self.algorithms);
}

#[cfg(feature = "rustls")]
impl ServerCertVerifier for VerifySystem {
    /// The verifier of the system compares a name itself: with accepted names, each is tried.
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |name: &ServerName<'_>| {
            self.system
                .verify_server_cert(leaf, intermediates, name, ocsp, now)
        };
        if self.accepted.is_empty() {
            return verify(name);
        }
        accept(leaf, &self.accepted)?;
        let accepted = self.accepted.iter();
        let mut names = accepted.filter_map(|name| ServerName::try_from(&**name).ok());
        let verified = names.find_map(|name| verify(&name).ok());
        verified.map_or_else(|| verify(name), Ok)
    }

    signatures!(self => &self.algorithms);
}

fn accept(leaf: &CertificateDer<'_>, accepted: &[Box<str>]) -> Result<(), Error> {
    has_one_of(leaf, accepted).map_err(refused)
}
