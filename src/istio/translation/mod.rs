//! What the documents mean for a workload: which of them hold for its requests, and what they say there.
//!
//! As Istio's control plane reads them (`pilot/pkg/networking/core`, `pilot/pkg/model`). Everything is decided
//! here that can be known before a request comes; nothing here runs, waits or fails.

pub(crate) mod cluster;
mod envoy;
mod gateway;
mod inbound;
pub(crate) mod index;
pub(crate) mod limits;
mod outbound;
mod route;
mod settings;

use std::sync::Arc;

use crate::istio::config::{
    ClusterConfig, GatewayConfig, InboundConfig, OutboundConfig, WorkloadId,
};
use crate::istio::loader::documents::Documents;
use crate::policies::traffic_split::Destination;
use index::resource_index::ResourceIndex;

/// What a set of documents means.
///
/// A clone costs an atomic increment.
#[derive(Clone, Debug)]
pub(crate) struct ConfigModel(Arc<ResourceIndex>);

/// What Istio's mesh configuration would say.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The namespace of documents that name none. The default is `default`.
    pub(crate) default_namespace: Arc<str>,
    /// Where rules for the whole mesh are kept. The default is `istio-system`.
    pub(crate) root_namespace: Arc<str>,
    /// What the full names of services end in. The default is `cluster.local`.
    pub(crate) cluster_domain: Arc<str>,
    /// Whether hosts that no document names are refused: `REGISTRY_ONLY`. The default is `ALLOW_ANY`.
    pub(crate) registry_only: bool,
    /// Whether Envoy's answer counts where this crate chose another. The default is `false`.
    pub(crate) envoy_behaviour: bool,
}

impl ConfigModel {
    /// Reads what documents mean. Those with errors are left out.
    pub(crate) fn of(documents: &Documents, settings: &Settings) -> Self {
        Self(Arc::new(ResourceIndex::of(documents, settings)))
    }

    /// Returns what the sidecar of a workload would know of the hosts that it calls.
    pub(crate) fn outbound(&self, workload: &WorkloadId) -> OutboundConfig {
        self.as_set(outbound::outbound(&self.0, workload))
    }

    /// Returns what stands between a workload and a destination, whose host is a full name.
    pub(crate) fn destination(
        &self,
        workload: &WorkloadId,
        destination: &Destination,
        request_port: Option<u16>,
    ) -> ClusterConfig {
        cluster::destination::destination(&self.0, workload, destination, request_port)
    }

    /// Returns what is said of a host that no plan of [`outbound`](Self::outbound) names, if anything is.
    pub(crate) fn unnamed(
        &self,
        workload: &WorkloadId,
        host: &str,
        port: u16,
    ) -> Option<ClusterConfig> {
        cluster::destination::unnamed(&self.0, workload, host, port)
    }

    /// Returns what becomes of the requests that a workload gets.
    pub(crate) fn inbound(&self, workload: &WorkloadId) -> InboundConfig {
        inbound::inbound(&self.0, workload)
    }

    /// Returns what a gateway does, if there is one of that name.
    pub(crate) fn gateway(&self, name: &str, namespace: &str) -> Option<GatewayConfig> {
        let config = gateway::gateway(&self.0, name, namespace)?;
        Some(GatewayConfig {
            outbound: self.as_set(config.outbound),
            ..config
        })
    }

    fn as_set(&self, config: OutboundConfig) -> OutboundConfig {
        if self.0.settings.envoy_behaviour {
            envoy::outbound(config)
        } else {
            config
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_namespace: "default".into(),
            root_namespace: "istio-system".into(),
            cluster_domain: "cluster.local".into(),
            registry_only: false,
            envoy_behaviour: false,
        }
    }
}

#[cfg(test)]
mod tests;
