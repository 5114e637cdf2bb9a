use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::Workload;
use crate::foundation::tls::MtlsMode;
use crate::mesh::service_mesh::proxy::state::Proxy;
use crate::transport::mtls::{Certificates, MtlsListener};

/// Reason why a workload cannot listen.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The mesh has no certificates: give it some by
    /// [`MeshBuilder::with_certificates`](super::MeshBuilder::with_certificates).
    #[error("the mesh has no certificates: give it some by `MeshBuilder::with_certificates`")]
    NoCertificates,
    /// The listener has no address.
    #[error("the listener has no address: {0}")]
    NoAddress(#[from] io::Error),
}

impl Workload {
    /// Accepts connections as `PeerAuthentication` says for the port of the listener: mutual TLS, plain text or both. A
    /// change of the documents holds for the next connection.
    ///
    /// The listener goes into `axum::serve`, tonic or hyper, with a [`PeerLayer`](crate::mtls::PeerLayer) around the
    /// routes: see [`mtls`](crate::mtls).
    ///
    /// # Errors
    ///
    /// [`ListenError::NoCertificates`] if the mesh has none.
    pub fn listen(&self, tcp: TcpListener) -> Result<MtlsListener, ListenError> {
        let proxy = self.proxy();
        let certificates = certificates(&proxy).ok_or(ListenError::NoCertificates)?;
        let port = tcp.local_addr()?.port();
        let emitter = proxy.emitter(proxy.inbound_source());
        let mode = Arc::new(move || mode(&proxy, port));
        Ok(MtlsListener::with_emitter(tcp, mode, certificates, emitter))
    }

    /// Returns the mode that the documents give to a port of the workload.
    #[must_use]
    pub fn mtls_mode(&self, port: u16) -> MtlsMode {
        mode(&self.proxy(), port)
    }
}

fn certificates(proxy: &Proxy) -> Option<Certificates> {
    proxy.options.certificates.clone()
}

fn mode(proxy: &Proxy, port: u16) -> MtlsMode {
    proxy.config().mtls.mode(port)
}
