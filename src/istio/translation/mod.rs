//! Translation of documents to the configuration of a workload.
//!
//! Follows Istio's control plane (`pilot/pkg/networking/core`, `pilot/pkg/model`). Everything is
//! resolved here that is known before a request arrives; nothing here runs, waits or fails.

mod authorization;
pub(crate) mod cluster;
mod envoy;
mod gateway;
mod inbound;
pub(crate) mod index;
pub(crate) mod limits;
mod outbound;
#[cfg(feature = "mtls")]
mod peer_authentication;
mod route;
mod settings;
#[cfg(feature = "jwt")]
mod tokens;

use std::sync::Arc;

use crate::foundation::outcome::Origin;
use crate::istio::config::{
    ClusterConfig, ConfigScope, GatewayConfig, InboundConfig, OutboundConfig, WorkloadId,
};
use crate::istio::model::load::documents::Documents;
use crate::policies::traffic_split::Destination;
use index::resource_index::ResourceIndex;

/// Translated model of a set of documents.
///
/// Cloning is one atomic increment.
#[derive(Clone, Debug)]
pub(crate) struct ConfigModel(Arc<ResourceIndex>);

/// Settings of Istio's mesh configuration.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Namespace of documents without one. The default is `default`.
    pub(crate) default_namespace: Arc<str>,
    /// Root namespace, whose rules apply to the whole mesh. The default is `istio-system`.
    pub(crate) root_namespace: Arc<str>,
    /// Suffix of full service names. The default is `cluster.local`.
    pub(crate) cluster_domain: Arc<str>,
    /// True if requests to unknown hosts are rejected (`REGISTRY_ONLY`). The default is false
    /// (`ALLOW_ANY`).
    pub(crate) registry_only: bool,
    /// True if Envoy's behaviour replaces this crate's own where the two differ. The default is `false`.
    pub(crate) envoy_behaviour: bool,
}

impl ConfigModel {
    /// Creates the model. Documents with errors are skipped.
    pub(crate) fn of(documents: &Documents, settings: &Settings) -> Self {
        Self(Arc::new(ResourceIndex::of(documents, settings)))
    }

    /// Returns the configuration for outbound requests of a workload.
    pub(crate) fn outbound(&self, workload: &WorkloadId) -> OutboundConfig {
        self.as_set(outbound::outbound(&self.0, workload))
    }

    /// Returns the part of a workload's identity that [`outbound`](Self::outbound) depends on.
    pub(crate) fn scope(&self, workload: &WorkloadId) -> ConfigScope {
        self.0.selected.scope(workload)
    }

    /// Returns the cluster of a destination, whose host is a full name.
    pub(crate) fn destination(
        &self,
        workload: &WorkloadId,
        destination: &Destination,
        request_port: Option<u16>,
    ) -> ClusterConfig {
        cluster::destination::destination(&self.0, workload, destination, request_port)
    }

    /// Returns the cluster of a host without a virtual host in [`outbound`](Self::outbound), if a
    /// document covers it.
    pub(crate) fn unnamed(
        &self,
        workload: &WorkloadId,
        host: &str,
        port: u16,
    ) -> Option<ClusterConfig> {
        cluster::destination::unnamed(&self.0, workload, host, port)
    }

    /// Returns the configuration for inbound requests of a workload.
    pub(crate) fn inbound(&self, workload: &WorkloadId) -> InboundConfig {
        inbound::inbound(&self.0, workload)
    }

    /// Returns the configuration of a gateway, if it exists.
    pub(crate) fn gateway(&self, name: &str, namespace: &str) -> Option<GatewayConfig> {
        let config = gateway::gateway(&self.0, name, namespace)?;
        Some(GatewayConfig {
            outbound: self.as_set(config.outbound),
            ..config
        })
    }

    /// Returns the first policy that compares the identities of callers: its name, and its place.
    pub(crate) fn first_with_identities(&self) -> Option<(String, Origin)> {
        let object = authorization::first_with_identities(&self.0)?;
        Some((object.id.to_string(), object.origin(object.at)))
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
