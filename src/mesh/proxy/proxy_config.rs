use std::sync::Arc;

use super::config_source::ConfigSource;
use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::authority;
use crate::foundation::matching::host_index::HostIndex;
use crate::foundation::sync::rng::Rng;
use crate::istio::config::{
    GatewayConfig, LocalRateLimitConfig, OutboundConfig, RouteConfig, ServerConfig,
    VirtualHostConfig,
};
use crate::policies::traffic_split::{ResponseActions, RouteIndex, find_first, local_reply};

/// One version of what a proxy does, ready to be asked.
#[derive(Debug)]
pub(in crate::mesh) struct ProxyConfig {
    pub(in crate::mesh) version: u64,
    pub(in crate::mesh) source: Arc<dyn ConfigSource>,
    pub(in crate::mesh) outbound: OutboundConfig,
    pub(in crate::mesh) inbound: Vec<LocalRateLimitConfig>,
    /// Of a gateway: who is let in.
    pub(in crate::mesh) servers: Vec<ServerConfig>,
    pub(in crate::mesh) index: HostIndex,
    /// Whether some route has limits in place of those of all that comes in.
    replaces_inbound: bool,
}

impl ProxyConfig {
    pub(in crate::mesh) fn new(
        version: u64,
        configs: Arc<dyn ConfigSource>,
        config: GatewayConfig,
    ) -> Self {
        let hosts = config.outbound.hosts.iter().enumerate();
        let index = HostIndex::of(hosts.flat_map(|(place, host)| {
            let names = host.names.iter();
            names.map(move |name| (place, name))
        }));
        let routes = config.outbound.hosts.iter().flat_map(|host| &host.routes);
        let replaces = routes.into_iter().any(|route| route.limits_replace);
        Self {
            replaces_inbound: replaces && !config.inbound.limits.is_empty(),
            version,
            source: configs,
            outbound: config.outbound,
            inbound: config.inbound.limits,
            servers: config.servers,
            index,
        }
    }

    pub(in crate::mesh) fn find(
        &self,
        authority: &str,
    ) -> Option<(usize, &Arc<VirtualHostConfig>)> {
        let place = self.index.find(authority)?;
        Some((place, &self.outbound.hosts[place]))
    }

    /// Says that a request to a gateway takes a route whose own limits stand in place of those of all
    /// that comes in at `port`.
    pub(in crate::mesh) fn has_own_limits(&self, head: RequestHead<'_>, port: Option<u16>) -> bool {
        if !self.replaces_inbound {
            return false;
        }
        let route = self.route(head).map(|(_, route)| route);
        let is_here = |limit: &LocalRateLimitConfig| {
            limit.port.is_none() || port.is_none() || limit.port == port
        };
        // Without a bucket they say that nothing is limited.
        route.is_some_and(|route| {
            let limits = &route.limits;
            route.limits_replace && (limits.is_empty() || limits.iter().any(is_here))
        })
    }

    /// Returns what the route that a request takes does to the headers of an answer that is given before
    /// it is gone through.
    #[cold]
    pub(in crate::mesh) fn on_local_reply(&self, head: RequestHead<'_>) -> Option<ResponseActions> {
        let (place, config) = self.route(head)?;
        local_reply(&config.route, place, head, || Rng::default().next_u64())
    }

    fn route(&self, head: RequestHead<'_>) -> Option<(RouteIndex, &RouteConfig)> {
        let (_, host) = self.find(authority(&head))?;
        let place = find_first(host.routes.iter().map(|config| &config.route), head)?;
        Some((place, host.routes.get(place.route)?))
    }

    pub(in crate::mesh) fn routes(&self) -> impl Iterator<Item = &RouteConfig> {
        self.outbound.hosts.iter().flat_map(|host| &host.routes)
    }

    pub(in crate::mesh) fn limits(&self) -> impl Iterator<Item = &LocalRateLimitConfig> {
        let outbound = &self.outbound.limits;
        let routes = self.routes().flat_map(|route| &route.limits);
        outbound.iter().chain(&self.inbound).chain(routes)
    }
}
