use std::fmt::Debug;

use crate::istio::config::{
    ClusterConfig, ConfigScope, GatewayConfig, InboundConfig, OutboundConfig, WorkloadId,
};
use crate::istio::translation::ConfigModel;
use crate::policies::traffic_split::Destination;

/// Source of configurations: the documents, or a test's own values.
pub(in crate::mesh) trait ConfigSource: Debug + Send + Sync {
    fn outbound(&self, workload: &WorkloadId) -> OutboundConfig;
    /// Returns the part of a workload's identity that `outbound` depends on, if that is known.
    fn scope(&self, workload: &WorkloadId) -> Option<ConfigScope>;
    fn destination(
        &self,
        workload: &WorkloadId,
        destination: &Destination,
        request_port: Option<u16>,
    ) -> ClusterConfig;
    fn unnamed(&self, workload: &WorkloadId, host: &str, port: u16) -> Option<ClusterConfig>;
    fn inbound(&self, workload: &WorkloadId) -> InboundConfig;
    fn gateway(&self, name: &str, namespace: &str) -> Option<GatewayConfig>;
}

impl ConfigSource for ConfigModel {
    fn outbound(&self, workload: &WorkloadId) -> OutboundConfig {
        self.outbound(workload)
    }

    fn scope(&self, workload: &WorkloadId) -> Option<ConfigScope> {
        Some(self.scope(workload))
    }

    fn destination(
        &self,
        workload: &WorkloadId,
        destination: &Destination,
        request_port: Option<u16>,
    ) -> ClusterConfig {
        self.destination(workload, destination, request_port)
    }

    fn unnamed(&self, workload: &WorkloadId, host: &str, port: u16) -> Option<ClusterConfig> {
        self.unnamed(workload, host, port)
    }

    fn inbound(&self, workload: &WorkloadId) -> InboundConfig {
        self.inbound(workload)
    }

    fn gateway(&self, name: &str, namespace: &str) -> Option<GatewayConfig> {
        self.gateway(name, namespace)
    }
}
