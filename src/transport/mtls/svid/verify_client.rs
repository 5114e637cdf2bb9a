use std::sync::Arc;

use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{self, DistinguishedName};

use super::bundles::Bundles;

/// Verifier of a server, for the certificates of its clients.
#[derive(Debug)]
pub(in crate::transport::mtls) struct VerifyClient(pub(in crate::transport::mtls) Arc<Bundles>);

impl ClientCertVerifier for VerifyClient {
    /// Names no roots: a client has one certificate, and the list would grow with each federated domain.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.0.verify_client(leaf, intermediates, now)?;
        Ok(ClientCertVerified::assertion())
    }

    signatures!(self => &self.0.algorithms);
}
