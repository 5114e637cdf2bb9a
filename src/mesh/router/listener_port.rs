use std::sync::Arc;

use crate::mesh::proxy::proxy_config::ProxyConfig;

/// The port at which a gateway listens, if it was said: it stands for the port of every request, whatever
/// their `Host` names.
#[derive(Clone, Copy, Debug)]
pub(in crate::mesh) struct ListenerPort(pub(in crate::mesh) Option<u16>);

impl ListenerPort {
    /// Returns the one port by which the stacks of a gateway are known.
    pub(in crate::mesh) fn of_stacks(self, proxy_config: &ProxyConfig) -> u16 {
        let first = || proxy_config.servers.first().map(|server| server.port);
        self.0.or_else(first).unwrap_or(80)
    }

    /// Returns the ports that a request may have come in at.
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
