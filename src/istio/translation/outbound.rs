use std::collections::HashSet;
use std::sync::Arc;

use super::index::resource_index::ResourceIndex;
use super::index::virtual_service_index::{IndexedService, MESH};
use super::limits::{Direction, Scope};
use super::route::http_match::MatchSource;
use super::route::{default_route, route_configs};
use crate::foundation::matching::HostPattern;
use crate::istio::config::{OutboundConfig, VirtualHostConfig, WorkloadId};
use crate::istio::model::names;
use crate::policies::traffic_split::Destination;

/// Returns the configuration for outbound requests of a workload.
pub(super) fn outbound(index: &ResourceIndex, workload: &WorkloadId) -> OutboundConfig {
    let scope = Scope {
        direction: Direction::Outbound,
        labels: &workload.labels,
        namespace: &workload.namespace,
        patches: &index.patches,
        root_namespace: &index.settings.root_namespace,
    };
    let mut hosts = Hosts {
        index,
        workload,
        scope,
        configs: Vec::new(),
        taken: HashSet::new(),
        wildcards: Vec::new(),
    };
    // Virtual services before plain services: the first to claim a name keeps it.
    for service in index.services.of(MESH, &workload.namespace) {
        hosts.service(service);
    }
    hosts.rest();
    OutboundConfig {
        hosts: hosts.configs,
        unknown_rejected: index.settings.registry_only,
        limits: scope.limits(),
    }
}

/// Builder of the virtual hosts.
#[derive(Debug)]
struct Hosts<'a> {
    index: &'a ResourceIndex,
    workload: &'a WorkloadId,
    scope: Scope<'a>,
    configs: Vec<Arc<VirtualHostConfig>>,
    /// Names in use; the first virtual host with a name gets it.
    taken: HashSet<String>,
    wildcards: Vec<String>,
}

impl<'a> Hosts<'a> {
    /// Adds the hosts of a virtual service, except those of older ones.
    fn service(&mut self, service: &'a IndexedService) {
        let source = MatchSource {
            workload: self.workload,
            gateway: MESH,
        };
        let mut groups: Vec<(bool, Vec<&str>, Vec<HostPattern>)> = Vec::new();
        for host in &service.hosts {
            let names = self.take(host);
            if names.is_empty() {
                continue;
            }
            // Hosts that patches select individually need virtual hosts of their own.
            let is_patched = self.scope.routes(None, &[host]).is_any();
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
        // Without the host, so that the id stays the same when hosts are added: the id carries the
        // state.
        let is_alone = groups.len() == 1;
        for (_, hosts, names) in groups {
            let limits = self.scope.routes(None, &hosts);
            let id = service.object.id();
            self.configs.push(Arc::new(VirtualHostConfig {
                id: if is_alone {
                    id
                } else {
                    format!("{id} {}", hosts[0]).into()
                },
                host: hosts[0].into(),
                names,
                origin: Some(service.object.name_origin()),
                routes: route_configs(self.index, service, source, &limits),
            }));
        }
    }

    /// Adds the services without a virtual service: each has one route, to itself.
    fn rest(&mut self) {
        let ResourceIndex {
            entries,
            kubernetes,
            rules,
            settings,
            ..
        } = self.index;
        let namespace = &*self.workload.namespace;
        // Service entries before Kubernetes services, as their ports and endpoints are known.
        let mut rest: Vec<&str> = entries.hosts(namespace);
        rest.extend(kubernetes.iter().map(String::as_str));
        // A destination rule implies a service in Kubernetes, since it would have no effect
        // otherwise.
        rest.extend(rules.hosts().into_iter().filter(|host| {
            let own = names::namespace(host, &settings.cluster_domain);
            let root = &settings.root_namespace;
            let is_service = own.is_some() || !settings.registry_only;
            is_service && rules.find(self.workload, host, own, root).is_some()
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
            let limits = self.scope.routes(None, &[host]);
            self.configs.push(Arc::new(VirtualHostConfig {
                id: host.into(),
                host: host.into(),
                names,
                origin: entries
                    .find(host, namespace)
                    .and_then(|found| found.origin()),
                routes: vec![default_route(Destination::new(host), &limits)],
            }));
        }
    }

    /// Returns the free names of a host; empty if its full name is in use.
    fn take(&mut self, host: &str) -> Vec<HostPattern> {
        // Only the full name decides: a short name that is in use does not hide the host itself.
        if self.taken.contains(host) {
            return Vec::new();
        }
        if names::is_wildcard(host) {
            self.wildcards.push(host.to_owned());
        }
        let domain = &self.index.settings.cluster_domain;
        let names = names::aliases(host, &self.workload.namespace, domain);
        let free = names
            .into_iter()
            .filter(|name| self.taken.insert(name.clone()));
        free.filter_map(|name| HostPattern::parse(&name).ok())
            .collect()
    }
}
