use http::Uri;

#[cfg(feature = "rustls")]
use super::rustls::Tls;
#[cfg(not(feature = "rustls"))]
use super::without_tls::Tls;
use crate::foundation::outcome::BoxError;
use crate::transport::pool::Wire;

/// TLS to the servers of requests: the connector's own, or that of a cluster.
#[derive(Clone)]
pub(super) enum ServerTls {
    #[cfg(feature = "mtls")]
    Cluster(std::sync::Arc<crate::transport::mtls::ClusterTls>),
    Own(Tls),
}

impl ServerTls {
    /// Returns an error if there is no configuration.
    pub(super) fn check(&self) -> Result<(), BoxError> {
        match self {
            // Its files are read for each connection.
            #[cfg(feature = "mtls")]
            Self::Cluster(_) => Ok(()),
            Self::Own(tls) => tls.check(),
        }
    }

    /// Shakes hands with the host of a URI.
    pub(super) async fn connect(&self, called: &Uri, wire: Wire) -> Result<Wire, BoxError> {
        match self {
            #[cfg(feature = "mtls")]
            Self::Cluster(tls) => {
                let name = super::tls_wire::server_name(called)?;
                let config = tls.config().await?;
                let connected = super::tls_wire::shake_hands(config, name, wire).await;
                Ok(connected.map_err(crate::transport::mtls::with_reason)?)
            }
            Self::Own(tls) => tls.connect(called, wire, true).await,
        }
    }
}

impl Default for ServerTls {
    fn default() -> Self {
        Self::Own(Tls::default())
    }
}
