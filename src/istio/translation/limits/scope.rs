use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::patch::{Config, Patch};
use super::patch_target::{HostMatch, PatchTarget};
use super::policy::{DescriptorSet, local_rate_limits};
use crate::istio::api::envoy_filter::Context;
use crate::istio::config::LocalRateLimitConfig;

/// The proxy and direction that patches apply to.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Scope<'a> {
    pub(in super::super) direction: Direction,
    pub(in super::super) labels: &'a BTreeMap<String, String>,
    pub(in super::super) namespace: &'a str,
    /// Patches of all proxies.
    pub(in super::super) patches: &'a [Patch],
    /// Namespace whose patches apply to all namespaces.
    pub(in super::super) root_namespace: &'a str,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum Direction {
    Gateway,
    Inbound,
    Outbound,
}

/// Patches of one virtual host and its routes.
#[derive(Clone, Debug)]
pub(in super::super) struct RouteLimits<'a> {
    direction: Direction,
    filters: Vec<&'a Patch>,
    /// Patches of the virtual host, followed by those of routes.
    patches: Vec<&'a Patch>,
}

impl<'a> Scope<'a> {
    /// Returns the limits of all routes.
    pub(in super::super) fn limits(self) -> Vec<LocalRateLimitConfig> {
        let filters = self.filters();
        filters.flat_map(|patch| self.of_filter(patch)).collect()
    }

    /// Returns the inbound limits; those of virtual hosts replace those of the filter.
    pub(in super::super) fn inbound(self) -> Vec<LocalRateLimitConfig> {
        let all = self.of_hosts(|host| host.name.is_none() || host.is_inbound());
        let ports: BTreeSet<_> = all
            .patches
            .iter()
            .filter_map(|patch| patch.target.port())
            .collect();
        let of_port = |port: Option<u16>| {
            let of_port = |patch: &&Patch| patch.target.port().is_none_or(|own| Some(own) == port);
            let patches = all.patches.iter().copied().filter(of_port);
            let routes = RouteLimits {
                patches: patches.collect(),
                ..all.clone()
            };
            // `default` is Istio's route name in inbound virtual hosts.
            routes.of(Some("default"))
        };
        let own: Vec<_> = if ports.is_empty() {
            of_port(None).into_iter().collect()
        } else {
            ports
                .into_iter()
                .filter_map(|port| of_port(Some(port)))
                .collect()
        };
        if own.is_empty() {
            return self.limits();
        }
        own.into_iter().flatten().collect()
    }

    /// Returns the patches of a virtual host with one of the names `host`.
    pub(in super::super) fn routes(self, gateway: Option<&str>, hosts: &[&str]) -> RouteLimits<'a> {
        self.of_hosts(|meant| {
            let of_gateway = meant.gateway.as_deref();
            let is_gateway = of_gateway.is_none_or(|own| gateway == Some(own));
            is_gateway && hosts.iter().any(|host| meant.is(host))
        })
    }

    fn of_hosts(self, is_meant: impl Fn(&HostMatch) -> bool) -> RouteLimits<'a> {
        let all = self.patches.iter().filter(|patch| self.is_for(patch));
        let of_host = all.clone().filter(
            |patch| matches!(&patch.target, PatchTarget::VirtualHost(host) if is_meant(host)),
        );
        let of_route = all.filter(
            |patch| matches!(&patch.target, PatchTarget::Route { host, .. } if is_meant(host)),
        );
        RouteLimits {
            direction: self.direction,
            filters: self.filters().collect(),
            patches: of_host.chain(of_route).collect(),
        }
    }

    fn filters(self) -> impl Iterator<Item = &'a Patch> {
        self.patches.iter().filter(move |patch| {
            matches!(patch.target, PatchTarget::Filters { .. }) && self.is_for(patch)
        })
    }

    fn of_filter(self, patch: &Patch) -> Vec<LocalRateLimitConfig> {
        let PatchTarget::Filters { port } = patch.target else {
            return Vec::new();
        };
        let counted = counted(self.direction, port);
        let config = patch.config.as_deref();
        config.map_or_else(Vec::new, |config| {
            local_rate_limits(&patch.id, config, &[], counted)
        })
    }

    fn is_for(self, patch: &Patch) -> bool {
        let is_context = match patch.context {
            Context::Any => true,
            Context::Gateway => self.direction == Direction::Gateway,
            Context::SidecarInbound => self.direction == Direction::Inbound,
            Context::SidecarOutbound => self.direction == Direction::Outbound,
            Context::Newer | Context::Waypoint => false,
        };
        // Patches of the root namespace apply to all namespaces.
        let is_shown =
            *patch.namespace == *self.namespace || *patch.namespace == *self.root_namespace;
        let mut labels = patch.labels.iter();
        is_context
            && is_shown
            && labels.all(|(name, value)| self.labels.get(name).is_some_and(|own| own == value))
    }
}

impl RouteLimits<'_> {
    /// Returns true if there is any patch for this host.
    pub(in super::super) fn is_any(&self) -> bool {
        !self.patches.is_empty()
    }

    /// Returns the limits of a route, which replace those of all routes; `None` if it has no own
    /// limits.
    ///
    /// A configuration of the route takes precedence over one of its virtual host. The actions are
    /// those of the route, otherwise those of the virtual host, independent of the configuration.
    pub(in super::super) fn of(&self, route: Option<&str>) -> Option<Vec<LocalRateLimitConfig>> {
        let is_meant = |patch: &&&Patch| match &patch.target {
            PatchTarget::Route { name, .. } => {
                name.as_deref().is_none_or(|name| route == Some(name))
            }
            PatchTarget::Filters { .. } | PatchTarget::VirtualHost(_) => true,
        };
        let meant: Vec<_> = self.patches.iter().filter(is_meant).collect();
        let last = meant.iter().rev();
        let actions = last.clone().find(|patch| !patch.actions.is_empty());
        let own = last
            .clone()
            .find_map(|patch| Some((*patch, patch.config.as_ref()?)));
        let actions = actions.map_or(&[][..], |patch| &patch.actions);
        if let Some((patch, config)) = own {
            return Some(self.configs(patch, patch, config, actions));
        }
        // The filter's limits with the actions of this route.
        (!actions.is_empty()).then(|| {
            let place = meant.last().copied().copied();
            let filters = self
                .filters
                .iter()
                .filter_map(|filter| Some((*filter, filter.config.as_ref()?)));
            filters
                .flat_map(|(filter, config)| {
                    self.configs(filter, place.unwrap_or(filter), config, actions)
                })
                .collect()
        })
    }

    fn configs(
        &self,
        patch: &Patch,
        place: &Patch,
        config: &Arc<Config>,
        actions: &[super::actions::Actions],
    ) -> Vec<LocalRateLimitConfig> {
        let port = place.target.port();
        let id = if patch.id == place.id {
            patch.id.to_string()
        } else {
            format!("{} {}", patch.id, place.id)
        };
        let configs = local_rate_limits(&id, config, actions, counted(self.direction, port));
        let route: Option<Arc<str>> = place.target.route().map(Arc::from);
        let with_route = configs.into_iter().map(|config| LocalRateLimitConfig {
            route: route.clone(),
            ..config
        });
        with_route.collect()
    }
}

fn counted(direction: Direction, port: Option<u16>) -> DescriptorSet {
    match direction {
        Direction::Outbound => DescriptorSet { port, at: None },
        Direction::Gateway | Direction::Inbound => DescriptorSet {
            port: None,
            at: port,
        },
    }
}
