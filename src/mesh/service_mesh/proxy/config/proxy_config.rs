use std::sync::Arc;

use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{HeaderValue, Response, StatusCode, header};

use super::config_source::ConfigSource;
use super::indexed_outbound::IndexedOutbound;
use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::{authority, scheme, split_port};
use crate::foundation::outcome::LocalReplyBody;
use crate::foundation::sync::rng::Rng;
#[cfg(feature = "jwt")]
use crate::istio::config::TokenRuleConfig;
use crate::istio::config::{
    InboundConfig, LocalRateLimitConfig, RouteConfig, ServerConfig, VirtualHostConfig,
};
use crate::policies::authorization::AuthorizationPolicy;
use crate::policies::traffic_split::{ResponseActions, RouteIndex, find_first, local_reply};

/// One version of a proxy's configuration, indexed for lookups.
#[derive(Debug)]
pub(in crate::mesh) struct ProxyConfig {
    pub(in crate::mesh) version: u64,
    /// Number of the snapshot that it was made of: a later one may have the same version.
    pub(in crate::mesh) revision: u64,
    pub(in crate::mesh) source: Arc<dyn ConfigSource>,
    pub(in crate::mesh) outbound: Arc<IndexedOutbound>,
    pub(in crate::mesh) inbound: Vec<LocalRateLimitConfig>,
    pub(in crate::mesh) authorization: Vec<AuthorizationPolicy>,
    #[cfg(feature = "mtls")]
    pub(in crate::mesh) mtls: crate::istio::config::PeerAuthenticationConfig,
    #[cfg(feature = "jwt")]
    pub(in crate::mesh) tokens: Vec<TokenRuleConfig>,
    /// Servers of a gateway, which select the accepted hosts.
    pub(in crate::mesh) servers: Vec<ServerConfig>,
    /// True if a route has rate limits that replace the inbound ones.
    replaces_inbound: bool,
}

impl ProxyConfig {
    pub(in crate::mesh) fn new(
        version: u64,
        configs: Arc<dyn ConfigSource>,
        outbound: Arc<IndexedOutbound>,
        inbound: InboundConfig,
        servers: Vec<ServerConfig>,
    ) -> Self {
        Self {
            replaces_inbound: outbound.has_replacing_limits && !inbound.limits.is_empty(),
            version,
            revision: 0,
            source: configs,
            outbound,
            #[cfg(feature = "jwt")]
            tokens: inbound.tokens,
            inbound: inbound.limits,
            authorization: inbound.authorization,
            #[cfg(feature = "mtls")]
            mtls: inbound.mtls,
            servers,
        }
    }

    pub(in crate::mesh) const fn with_revision(mut self, revision: u64) -> Self {
        self.revision = revision;
        self
    }

    pub(in crate::mesh) fn find(
        &self,
        authority: &str,
    ) -> Option<(usize, &Arc<VirtualHostConfig>)> {
        self.outbound.find(authority)
    }

    /// Returns the servers of a gateway for a host, without its port; those of all listeners without `port`.
    pub(in crate::mesh) fn servers_of(
        &self,
        host: &str,
        port: Option<u16>,
    ) -> impl Iterator<Item = &ServerConfig> {
        self.servers.iter().filter(move |server| {
            let here = port.is_none_or(|port| port == server.port);
            here && server.hosts.iter().any(|pattern| pattern.matches(host))
        })
    }

    /// Returns the redirect to HTTPS of a request over plain HTTP, where a server of its host asks for it.
    pub(in crate::mesh) fn https_redirect(
        &self,
        port: Option<u16>,
        head: RequestHead<'_>,
    ) -> Option<Response<LocalReplyBody>> {
        let (host, _) = split_port(authority(&head));
        let mut servers = self.servers_of(host, port);
        let status = servers.find_map(|server| server.https_redirect)?;
        (scheme(&head) == "http").then(|| to_https(head, host, status))?
    }

    /// Returns true if a request to a gateway takes a route whose own rate limits replace those of all
    /// inbound requests at `port`.
    pub(in crate::mesh) fn has_own_limits(&self, head: RequestHead<'_>, port: Option<u16>) -> bool {
        if !self.replaces_inbound {
            return false;
        }
        let route = self.route(head).map(|(_, route)| route);
        let is_here = |limit: &LocalRateLimitConfig| {
            limit.port.is_none() || port.is_none() || limit.port == port
        };
        // An empty list of limits on the route means no limit at all.
        route.is_some_and(|route| {
            let limits = &route.limits;
            route.limits_replace && (limits.is_empty() || limits.iter().any(is_here))
        })
    }

    /// Returns the header changes of the request's route for a response that is produced outside of
    /// the route.
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

fn to_https(
    head: RequestHead<'_>,
    host: &str,
    status: StatusCode,
) -> Option<Response<LocalReplyBody>> {
    let path = head.uri().path_and_query().cloned();
    let uri = Uri::builder()
        .scheme(Scheme::HTTPS)
        .authority(Authority::try_from(host).ok()?)
        .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
        .build()
        .ok()?;
    let mut response = Response::new(LocalReplyBody::empty());
    *response.status_mut() = status;
    let location = HeaderValue::from_str(&uri.to_string()).ok()?;
    response.headers_mut().insert(header::LOCATION, location);
    Some(response)
}
