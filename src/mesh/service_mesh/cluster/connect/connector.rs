use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use crate::foundation::endpoints::Endpoint;
use crate::istio::config::{ClusterConfig, ClusterDiscovery, TlsConfig};
use crate::mesh::service_mesh::cluster::state::ClusterState;

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
}

/// Factory of the transport of one endpoint.
pub(in crate::mesh) type MakeTransport<S> = Box<dyn Fn(&Endpoint) -> S + Send + Sync>;

type Connect<S> = dyn Fn(&TransportKey, &ClusterState) -> MakeTransport<S> + Send + Sync;

/// Factory of the transports of all clusters: the only place that creates them.
pub(in crate::mesh) struct Connector<S> {
    make: Arc<Connect<S>>,
}

impl<S> Connector<S> {
    pub(in crate::mesh) fn new(
        make: impl Fn(&TransportKey, &ClusterState) -> MakeTransport<S> + Send + Sync + 'static,
    ) -> Self {
        Self {
            make: Arc::new(make),
        }
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
