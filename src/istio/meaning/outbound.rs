use std::collections::HashSet;
use std::sync::Arc;

use super::http_match::Asker;
use super::limits::{Direction, Scope};
use super::route::{default_route, route_plans};
use super::services::{MESH, Service};
use super::world::World;
use crate::base::HostPattern;
use crate::istio::names;
use crate::istio::plan::{HostPlan, OutboundPlan, Subject};
use crate::traffic_split::Destination;

/// Returns what a sidecar of the workload would know of the hosts that it calls.
pub(super) fn outbound(world: &World, subject: &Subject) -> OutboundPlan {
    let scope = Scope {
        direction: Direction::Outbound,
        labels: &subject.labels,
        namespace: &subject.namespace,
    };
    let mut hosts = Hosts {
        world,
        subject,
        scope,
        plans: Vec::new(),
        taken: HashSet::new(),
        wildcards: Vec::new(),
    };
    for service in world.services.of(MESH, &subject.namespace) {
        hosts.service(service);
    }
    hosts.rest();
    OutboundPlan {
        hosts: hosts.plans,
        unknown_refused: world.settings.registry_only,
        limits: scope.limits(world),
    }
}

/// The hosts while they are collected.
#[derive(Debug)]
struct Hosts<'a> {
    world: &'a World,
    subject: &'a Subject,
    scope: Scope<'a>,
    plans: Vec<Arc<HostPlan>>,
    /// All names that have a plan: the first who asks for one gets it.
    taken: HashSet<String>,
    wildcards: Vec<String>,
}

impl<'a> Hosts<'a> {
    /// Adds the hosts of a virtual service that no older one has.
    fn service(&mut self, service: &'a Service) {
        let asker = Asker {
            subject: self.subject,
            gateway: MESH,
        };
        let mut groups: Vec<(bool, Vec<&str>, Vec<HostPattern>)> = Vec::new();
        for host in &service.hosts {
            let names = self.take(host);
            if names.is_empty() {
                continue;
            }
            // Hosts that patches tell apart have limits of their own.
            let is_patched = self.scope.routes(self.world, None, &[host]).is_any();
            match groups
                .iter_mut()
                .find(|(patched, ..)| !patched && !is_patched)
            {
                Some((_, hosts, all)) => {
                    hosts.push(host);
                    all.extend(names);
                }
                None => groups.push((is_patched, vec![host], names)),
            }
        }
        let is_alone = groups.len() == 1;
        for (_, hosts, names) in groups {
            let limits = self.scope.routes(self.world, None, &hosts);
            let id = service.held.id();
            self.plans.push(Arc::new(HostPlan {
                id: if is_alone {
                    id.into()
                } else {
                    format!("{id} {}", hosts[0]).into()
                },
                names,
                routes: route_plans(self.world, service, asker, &limits),
            }));
        }
    }

    /// Adds the services that no virtual service is for: each has one route, to itself.
    fn rest(&mut self) {
        let World {
            entries,
            kubernetes,
            rules,
            settings,
            ..
        } = self.world;
        let namespace = &*self.subject.namespace;
        let mut rest: Vec<&str> = entries.hosts(namespace);
        rest.extend(kubernetes.iter().map(String::as_str));
        // A rule tells of a service too: Kubernetes has it, or else the rule would be without effect.
        rest.extend(rules.hosts().into_iter().filter(|host| {
            let own = names::namespace(host, &settings.cluster_domain);
            let root = &settings.root_namespace;
            let is_service = own.is_some() || !settings.registry_only;
            is_service && rules.find(self.subject, host, own, root).is_some()
        }));
        for host in rest {
            if self
                .wildcards
                .iter()
                .any(|wildcard| names::is_within(host, wildcard))
            {
                continue;
            }
            let names = self.take(host);
            if names.is_empty() {
                continue;
            }
            let limits = self.scope.routes(self.world, None, &[host]);
            self.plans.push(Arc::new(HostPlan {
                id: host.into(),
                names,
                routes: vec![default_route(Destination::new(host), &limits)],
            }));
        }
    }

    /// Returns the names of a host, or none if it has a plan; of its other names, those that are free.
    fn take(&mut self, host: &str) -> Vec<HostPattern> {
        if self.taken.contains(host) {
            return Vec::new();
        }
        if names::is_wildcard(host) {
            self.wildcards.push(host.to_owned());
        }
        let domain = &self.world.settings.cluster_domain;
        let names = names::aliases(host, &self.subject.namespace, domain);
        let free = names
            .into_iter()
            .filter(|name| self.taken.insert(name.clone()));
        free.filter_map(|name| HostPattern::parse(&name).ok())
            .collect()
    }
}
