use std::ops::Deref;
use std::sync::Arc;

use crate::foundation::matching::host_index::HostIndex;
use crate::istio::config::{OutboundConfig, VirtualHostConfig};

/// Outbound configuration with the index of its hosts, which all workloads share that see the same.
#[derive(Debug)]
pub(in crate::mesh) struct IndexedOutbound {
    config: OutboundConfig,
    index: HostIndex,
    /// True if a route has rate limits that replace those of all routes.
    pub(in crate::mesh) has_replacing_limits: bool,
}

impl IndexedOutbound {
    pub(in crate::mesh) fn new(config: OutboundConfig) -> Self {
        let hosts = config.hosts.iter().enumerate();
        let index = HostIndex::of(hosts.flat_map(|(place, host)| {
            let names = host.names.iter();
            names.map(move |name| (place, name))
        }));
        let mut routes = config.hosts.iter().flat_map(|host| &host.routes);
        Self {
            has_replacing_limits: routes.any(|route| route.limits_replace),
            config,
            index,
        }
    }

    /// Returns the virtual host of an authority, with its position.
    pub(in crate::mesh) fn find(
        &self,
        authority: &str,
    ) -> Option<(usize, &Arc<VirtualHostConfig>)> {
        let place = self.index.find(authority)?;
        Some((place, &self.config.hosts[place]))
    }

    /// Returns the virtual hosts, to be freed one by one.
    pub(in crate::mesh) fn into_hosts(self) -> Vec<Arc<VirtualHostConfig>> {
        self.config.hosts
    }
}

impl Deref for IndexedOutbound {
    type Target = OutboundConfig;

    fn deref(&self) -> &OutboundConfig {
        &self.config
    }
}
