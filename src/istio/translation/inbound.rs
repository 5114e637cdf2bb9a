use super::authorization::{Server, policies};
use super::index::resource_index::ResourceIndex;
use super::limits::{Direction, Scope};
use crate::istio::config::{InboundConfig, WorkloadId};

/// Returns the configuration for inbound requests of a workload.
pub(super) fn inbound(index: &ResourceIndex, workload: &WorkloadId) -> InboundConfig {
    let scope = Scope {
        direction: Direction::Inbound,
        labels: &workload.labels,
        namespace: &workload.namespace,
        patches: &index.patches,
        root_namespace: &index.settings.root_namespace,
    };
    InboundConfig {
        authorization: policies(index, Server::Workload, workload),
        limits: scope.inbound(),
        #[cfg(feature = "jwt")]
        tokens: super::tokens::tokens(index, &workload.namespace, &workload.labels),
        #[cfg(feature = "mtls")]
        mtls: index.peers.config(&workload.namespace, &workload.labels),
    }
}
