use std::sync::Arc;

use tokio_rustls::rustls;
use tokio_rustls::rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::bundles::Bundles;
use super::refusal::refused;
use super::subject_names::has_one_of;

/// Verifier of a client, for the certificates of the mesh's servers.
#[derive(Debug)]
pub(in crate::transport::mtls) struct VerifyServer {
    /// Accepted names; any workload of a known trust domain if there are none.
    pub(in crate::transport::mtls) accepted: Arc<[Box<str>]>,
    pub(in crate::transport::mtls) bundles: Arc<Bundles>,
}

impl ServerCertVerifier for VerifyServer {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.bundles.verify_server(leaf, intermediates, now)?;
        if !self.accepted.is_empty() {
            has_one_of(leaf, &self.accepted).map_err(refused)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    signatures!(self => &self.bundles.algorithms);
}
