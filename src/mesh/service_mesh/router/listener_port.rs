use std::sync::Arc;

use crate::mesh::service_mesh::proxy::config::proxy_config::ProxyConfig;

/// Configured port of a gateway. It replaces the port of every request, whatever the request's
/// `Host` contains.
#[derive(Clone, Copy, Debug)]
pub(in crate::mesh) struct ListenerPort(pub(in crate::mesh) Option<u16>);

impl ListenerPort {
    /// Returns the port that selects the stacks of a gateway.
    pub(in crate::mesh) fn of_stacks(self, proxy_config: &ProxyConfig) -> u16 {
        let first = || proxy_config.servers.first().map(|server| server.port);
        self.0.or_else(first).unwrap_or(80)
    }

    /// Returns the ports at which a request may have arrived.
    pub(in crate::mesh) fn all(self, proxy_config: &ProxyConfig) -> Arc<[u16]> {
        match self.0 {
            Some(port) => [port].into(),
            None => proxy_config
                .servers
                .iter()
                .map(|server| server.port)
                .collect(),
        }
    }
}
