use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use crate::foundation::endpoints::Endpoint;
#[cfg(feature = "mtls")]
use crate::istio::config::TlsMode;
use crate::istio::config::{ClusterConfig, ClusterDiscovery, TlsConfig};
use crate::mesh::service_mesh::cluster::state::ClusterState;

/// Label by which Istio marks an endpoint that accepts mutual TLS.
const TLS_MODE: &str = "security.istio.io/tlsMode";

/// Key of a transport: the connections of one cluster.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::mesh) struct TransportKey {
    pub(in crate::mesh) host: Box<str>,
    /// True if HTTP/2 is used with prior knowledge.
    pub(in crate::mesh) http2: bool,
    /// True if the endpoint is the request's own host name, without an address from the documents.
    pub(in crate::mesh) is_by_name: bool,
    pub(in crate::mesh) tls: Option<TlsConfig>,
}

impl TransportKey {
    pub(in crate::mesh) fn new(host: &str, config: &ClusterConfig) -> Self {
        Self {
            host: host.into(),
            http2: config.pool.http2,
            is_by_name: config.endpoints == ClusterDiscovery::ByName,
            tls: config.tls.clone(),
        }
    }

    /// Leaves out TLS with the certificates of the mesh where there are none. Automatic TLS is also left out where
    /// `is_own` is false: connections that are not the crate's own have other certificates, if any.
    #[cfg(feature = "mtls")]
    pub(in crate::mesh) fn with_certificates(mut self, has_some: bool, is_own: bool) -> Self {
        self.tls = self.tls.filter(|tls| match tls.mode {
            TlsMode::Auto => has_some && is_own,
            TlsMode::IstioMutual => has_some,
            TlsMode::Mutual | TlsMode::Simple => true,
        });
        self
    }

    /// Returns the key of endpoints without automatic TLS, if it has that.
    #[cfg(feature = "reqwest")]
    pub(in crate::mesh) fn without_automatic_tls(&self) -> Option<Self> {
        self.tls.as_ref().filter(|tls| tls.mode.is_auto())?;
        Some(Self {
            tls: None,
            ..self.clone()
        })
    }

    /// Returns true if connections to an endpoint begin with TLS, whatever the scheme of the request.
    pub(in crate::mesh) fn is_tls(&self, endpoint: &Endpoint) -> bool {
        let is_labelled = || endpoint.label(TLS_MODE) == Some("istio");
        let tls = self.tls.as_ref();
        tls.is_some_and(|tls| !tls.mode.is_auto() || is_labelled())
    }
}

/// Factory of the transport of one endpoint.
pub(in crate::mesh) type MakeTransport<S> = Box<dyn Fn(&Endpoint) -> S + Send + Sync>;

type Connect<S> = dyn Fn(&TransportKey, &ClusterState) -> MakeTransport<S> + Send + Sync;

/// Factory of the transports of all clusters: the only place that creates them.
pub(in crate::mesh) struct Connector<S> {
    /// True if connections are made by the crate.
    #[cfg(feature = "mtls")]
    pub(in crate::mesh) is_own: bool,
    make: Arc<Connect<S>>,
}

impl<S> Connector<S> {
    pub(in crate::mesh) fn new(
        make: impl Fn(&TransportKey, &ClusterState) -> MakeTransport<S> + Send + Sync + 'static,
    ) -> Self {
        Self {
            #[cfg(feature = "mtls")]
            is_own: false,
            make: Arc::new(make),
        }
    }

    /// Marks it as one whose connections are made by the crate.
    #[cfg(all(feature = "mtls", feature = "reqwest"))]
    pub(in crate::mesh) fn into_own(mut self) -> Self {
        self.is_own = true;
        self
    }

    pub(in crate::mesh) fn connect(
        &self,
        transport_key: &TransportKey,
        state: &ClusterState,
    ) -> MakeTransport<S> {
        (self.make)(transport_key, state)
    }
}

impl<S: Clone + Send + Sync + 'static> Connector<S> {
    /// Creates a connector with one transport for every endpoint of every cluster.
    pub(in crate::mesh) fn shared(transport: S) -> Self {
        Self::new(move |_, _| {
            let transport = transport.clone();
            Box::new(move |_| transport.clone())
        })
    }
}

impl<S> Debug for Connector<S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}
