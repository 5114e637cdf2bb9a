use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;

use super::unnamed::Unnamed;
use crate::istio::config::{RouteConfig, RouteOrigins, VirtualHostConfig};
use crate::mesh::service_mesh::proxy::config::proxy_config::ProxyConfig;
use crate::mesh::service_mesh::router::route::virtual_host_stack::VirtualHostStack;
use crate::policies::fault_injection::FaultInjectionPolicy;
use crate::policies::retry::RetryPolicy;
use crate::policies::timeout::TimeoutPolicy;
use crate::policies::traffic_split::{Destination, Route};

/// Maximum number of ports per host with a stack of their own.
const MAX_PORTS: usize = 16;

/// Stacks of one version.
pub(in crate::mesh) struct StackTable<S, B> {
    pub(in crate::mesh) hosts: Box<[ArcSwapOption<PortStacks<S, B>>]>,
    pub(in crate::mesh) config: Arc<ProxyConfig>,
    /// Stack of all hosts without any configuration.
    pub(in crate::mesh) passthrough: OnceLock<Arc<VirtualHostStack<S, B>>>,
    /// Stacks of requested hosts without a virtual host.
    pub(in crate::mesh) unnamed: Unnamed<S, B>,
}

/// Stacks of one host by its few ports.
pub(in crate::mesh) struct PortStacks<S, B>(
    pub(in crate::mesh) Vec<(u16, Arc<VirtualHostStack<S, B>>)>,
);

impl<S, B> StackTable<S, B> {
    pub(in crate::mesh) fn of(proxy_config: Arc<ProxyConfig>) -> Self {
        let hosts = proxy_config.outbound.hosts.iter();
        Self {
            hosts: hosts.map(|_| ArcSwapOption::empty()).collect(),
            config: proxy_config,
            passthrough: OnceLock::new(),
            unnamed: Unnamed::new(),
        }
    }
}

impl<S, B> PortStacks<S, B> {
    pub(in crate::mesh) fn on(&self, port: u16) -> Option<Arc<VirtualHostStack<S, B>>> {
        let found = self.0.iter().find(|(known, _)| *known == port);
        found.map(|(_, stack)| Arc::clone(stack))
    }

    pub(in crate::mesh) fn with(&self, port: u16, stack: &Arc<VirtualHostStack<S, B>>) -> Self {
        // The oldest port goes first; its stack is built again on its next use.
        let surplus = (self.0.len() + 1).saturating_sub(MAX_PORTS);
        let mut all = self.0[surplus..].to_vec();
        all.push((port, Arc::clone(stack)));
        Self(all)
    }
}

impl<S, B> Clone for PortStacks<S, B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S, B> Default for PortStacks<S, B> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Istio's name of the route of a host without a virtual service.
pub(in crate::mesh) const DEFAULT_ROUTE: &str = "default";
/// Istio's name of the route to a host that no document names.
pub(in crate::mesh) const PASSTHROUGH_ROUTE: &str = "allow_any";

/// Returns the configuration of a host that no document names: one route without any policy.
pub(in crate::mesh) fn passthrough_config(host: &str, route: &'static str) -> VirtualHostConfig {
    VirtualHostConfig {
        id: host.into(),
        host: host.into(),
        names: Vec::new(),
        origin: None,
        routes: vec![RouteConfig {
            route: Route::to(Destination::new(host)).with_name(route),
            cors: None,
            fault: FaultInjectionPolicy::off(),
            limits: Vec::new(),
            limits_replace: false,
            mirrors: Vec::new(),
            origins: RouteOrigins::default(),
            retry: RetryPolicy::off(),
            timeout: TimeoutPolicy::off(),
        }],
    }
}
