//! TLS of a cluster, of its configuration and of the certificates of the mesh.

use super::connect::connector::TransportKey;
use super::state::ClusterState;
use crate::istio::config::TlsMode;
use crate::transport::mtls::{Accepted, ClusterTls, TlsFiles};

impl ClusterState {
    /// Returns the TLS of its connections, unless that is the client's own.
    pub(super) fn cluster_tls(&self, transport_key: &TransportKey) -> Option<ClusterTls> {
        let (http2, tls) = (transport_key.http2, transport_key.tls.as_ref()?);
        let verification = &tls.verification;
        let accepted = verification.accepted.to_vec().into();
        if tls.mode.is_of_mesh() {
            let certificates = self.certificates()?.clone();
            let accounts = verification.accounts.clone();
            let accepted = Accepted {
                names: accepted,
                accounts,
            };
            return Some(ClusterTls::istio_mutual(certificates, accepted, http2));
        }
        let is_plain = verification.ca_certificates.is_none()
            && verification.accepted.is_empty()
            && !verification.insecure_skip_verify;
        if tls.mode == TlsMode::Simple && is_plain {
            return None;
        }
        let path = |path: &str| path.into();
        let client = verification.client.as_ref();
        let files = TlsFiles {
            accepted,
            ca_certificates: verification.ca_certificates.as_deref().map(path),
            client: client.map(|(chain, key)| (path(chain), path(key))),
            insecure_skip_verify: verification.insecure_skip_verify,
        };
        Some(ClusterTls::with_files(files, http2))
    }
}
