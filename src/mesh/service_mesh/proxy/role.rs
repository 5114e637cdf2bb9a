use super::config_source::ConfigSource;
use crate::istio::config::{GatewayConfig, WorkloadId};

/// Whom a proxy works for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(in crate::mesh) enum Role {
    Gateway,
    Workload,
}

impl Role {
    /// Asks what a proxy is to do.
    pub(in crate::mesh) fn config(
        self,
        configs: &dyn ConfigSource,
        workload: &WorkloadId,
    ) -> GatewayConfig {
        match self {
            Self::Gateway => configs
                .gateway(&workload.name, &workload.namespace)
                .unwrap_or_default(),
            Self::Workload => GatewayConfig {
                inbound: configs.inbound(workload),
                outbound: configs.outbound(workload),
                servers: Vec::new(),
            },
        }
    }
}
