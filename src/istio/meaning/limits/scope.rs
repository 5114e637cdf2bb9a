use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::patch::{Config, Patch};
use super::place::{HostMatch, Place};
use super::policy::{Counted, limit_plans};
use crate::istio::kinds::envoy_filter::Context;
use crate::istio::meaning::world::World;
use crate::istio::plan::LimitPlan;

/// Whose proxy is patched, and which part of it.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Scope<'a> {
    pub(in super::super) direction: Direction,
    pub(in super::super) labels: &'a BTreeMap<String, String>,
    pub(in super::super) namespace: &'a str,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum Direction {
    Gateway,
    Inbound,
    Outbound,
}

/// The patches of one virtual host and its routes.
#[derive(Clone, Debug)]
pub(in super::super) struct RouteLimits<'a> {
    direction: Direction,
    filters: Vec<&'a Patch>,
    /// Those of the virtual host, then those of routes.
    patches: Vec<&'a Patch>,
}

impl<'a> Scope<'a> {
    /// Returns the limits that hold whatever the route.
    pub(in super::super) fn limits(self, world: &World) -> Vec<LimitPlan> {
        let filters = self.filters(world);
        filters.flat_map(|patch| self.of_filter(patch)).collect()
    }

    /// Returns the limits of a server: those of its virtual hosts stand in place of the filters'.
    pub(in super::super) fn inbound(self, world: &World) -> Vec<LimitPlan> {
        let all = self.of_hosts(world, |host| host.name.is_none() || host.is_inbound());
        let ports: BTreeSet<_> = all
            .patches
            .iter()
            .filter_map(|patch| patch.place.port())
            .collect();
        let of_port = |port: Option<u16>| {
            let of_port = |patch: &&Patch| patch.place.port().is_none_or(|own| Some(own) == port);
            let patches = all.patches.iter().copied().filter(of_port);
            let routes = RouteLimits {
                patches: patches.collect(),
                ..all.clone()
            };
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
            return self.limits(world);
        }
        own.into_iter().flatten().collect()
    }

    /// Returns what patches say of a virtual host by one of the names `host`.
    pub(in super::super) fn routes(
        self,
        world: &'a World,
        gateway: Option<&str>,
        hosts: &[&str],
    ) -> RouteLimits<'a> {
        self.of_hosts(world, |meant| {
            let of_gateway = meant.gateway.as_deref();
            let is_gateway = of_gateway.is_none_or(|own| gateway == Some(own));
            is_gateway && hosts.iter().any(|host| meant.is(host))
        })
    }

    fn of_hosts(self, world: &'a World, is_meant: impl Fn(&HostMatch) -> bool) -> RouteLimits<'a> {
        let all = world
            .patches
            .iter()
            .filter(|patch| self.is_for(world, patch));
        let of_host = all
            .clone()
            .filter(|patch| matches!(&patch.place, Place::VirtualHost(host) if is_meant(host)));
        let of_route =
            all.filter(|patch| matches!(&patch.place, Place::Route { host, .. } if is_meant(host)));
        RouteLimits {
            direction: self.direction,
            filters: self.filters(world).collect(),
            patches: of_host.chain(of_route).collect(),
        }
    }

    fn filters(self, world: &'a World) -> impl Iterator<Item = &'a Patch> {
        world.patches.iter().filter(move |patch| {
            matches!(patch.place, Place::Filters { .. }) && self.is_for(world, patch)
        })
    }

    fn of_filter(self, patch: &Patch) -> Vec<LimitPlan> {
        let Place::Filters { port } = patch.place else {
            return Vec::new();
        };
        let counted = counted(self.direction, port);
        let config = patch.config.as_deref();
        config.map_or_else(Vec::new, |config| {
            limit_plans(&patch.id, config, &[], counted)
        })
    }

    fn is_for(self, world: &World, patch: &Patch) -> bool {
        let is_context = match patch.context {
            Context::Any => true,
            Context::Gateway => self.direction == Direction::Gateway,
            Context::SidecarInbound => self.direction == Direction::Inbound,
            Context::SidecarOutbound => self.direction == Direction::Outbound,
            Context::Newer | Context::Waypoint => false,
        };
        let is_shown = *patch.namespace == *self.namespace
            || *patch.namespace == *world.settings.root_namespace;
        let mut labels = patch.labels.iter();
        is_context
            && is_shown
            && labels.all(|(name, value)| self.labels.get(name).is_some_and(|own| own == value))
    }
}

impl RouteLimits<'_> {
    /// Says whether any patch is for this host.
    pub(in super::super) fn is_any(&self) -> bool {
        !self.patches.is_empty()
    }

    /// Returns the limits of a route in place of those that hold whatever the route, if it has its own.
    ///
    /// A configuration of the route goes before one of its virtual host; what is counted is said by the route,
    /// else by the virtual host, whichever configuration it is.
    pub(in super::super) fn of(&self, route: Option<&str>) -> Option<Vec<LimitPlan>> {
        let is_meant = |patch: &&&Patch| match &patch.place {
            Place::Route { name, .. } => name.as_deref().is_none_or(|name| route == Some(name)),
            Place::Filters { .. } | Place::VirtualHost(_) => true,
        };
        let meant: Vec<_> = self.patches.iter().filter(is_meant).collect();
        let last = meant.iter().rev();
        let actions = last.clone().find(|patch| !patch.actions.is_empty());
        let own = last
            .clone()
            .find_map(|patch| Some((*patch, patch.config.as_ref()?)));
        let actions = actions.map_or(&[][..], |patch| &patch.actions);
        if let Some((patch, config)) = own {
            return Some(self.plans(patch, patch, config, actions));
        }
        // The filters' own limits, by what is counted here.
        (!actions.is_empty()).then(|| {
            let place = meant.last().copied().copied();
            let filters = self
                .filters
                .iter()
                .filter_map(|filter| Some((*filter, filter.config.as_ref()?)));
            filters
                .flat_map(|(filter, config)| {
                    self.plans(filter, place.unwrap_or(filter), config, actions)
                })
                .collect()
        })
    }

    fn plans(
        &self,
        patch: &Patch,
        place: &Patch,
        config: &Arc<Config>,
        actions: &[super::actions::Actions],
    ) -> Vec<LimitPlan> {
        let port = place.place.port();
        let id = if patch.id == place.id {
            patch.id.to_string()
        } else {
            format!("{} {}", patch.id, place.id)
        };
        limit_plans(&id, config, actions, counted(self.direction, port))
    }
}

fn counted(direction: Direction, port: Option<u16>) -> Counted {
    match direction {
        Direction::Outbound => Counted { port, at: None },
        Direction::Gateway | Direction::Inbound => Counted {
            port: None,
            at: port,
        },
    }
}
