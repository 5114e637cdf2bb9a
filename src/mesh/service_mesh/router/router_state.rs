use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::{ArcSwap, Guard};

use super::listener_port::ListenerPort;
use super::route::virtual_host_stack::{HostContext, VirtualHostStack};
use super::table::known_clusters::{KnownClusters, MirrorKey, RouteMirror};
use super::table::stack_table::{PortStacks, StackTable, passthrough_config};
use super::upstream::internal_headers::Withheld;
use super::upstream::to_transport::ToMirror;
use super::upstream::trace_attempts::TraceAttempts;
use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::Addressed;
use crate::foundation::outcome::Rejection;
use crate::foundation::sync::rng::Rng;
use crate::istio::config::VirtualHostConfig;
use crate::mesh::service_mesh::cluster::connect::connector::Connector;
use crate::mesh::service_mesh::cluster::key::ClusterKey;
use crate::mesh::service_mesh::cluster::service::Cluster;
use crate::mesh::service_mesh::cluster::state::ClusterState;
use crate::mesh::service_mesh::options::Options;
use crate::mesh::service_mesh::proxy::role::Role;
use crate::mesh::service_mesh::proxy::state::{Follow, Proxy};
use crate::policies::mirror::{MirrorLayer, MirrorPolicy};
use crate::policies::traffic_split::Destination;

/// Routes of one client: a stack for each host, created on first use.
pub(in crate::mesh) struct RouterState<S, B> {
    connector: Connector<S>,
    rng: Rng,
    /// Held during a switch to another configuration.
    pub(in crate::mesh) following: Mutex<()>,
    /// Listener port of a gateway; `None` for a workload.
    listener_port: Option<ListenerPort>,
    /// Clusters and mirrors, which outlive changes of the configuration.
    known: Mutex<KnownClusters<S, B>>,
    proxy: Arc<Proxy>,
    pub(in crate::mesh) table: ArcSwap<StackTable<S, B>>,
    trace_attempts: TraceAttempts,
}

impl<S: Clone + Send + Sync + 'static, B> RouterState<S, B> {
    /// Creates the routes of a client, which follow the configuration of the proxy.
    pub(in crate::mesh) fn new(
        proxy: Arc<Proxy>,
        connector: Connector<S>,
        listener_port: Option<ListenerPort>,
    ) -> Arc<Self>
    where
        B: 'static,
    {
        let routes = Arc::new(Self {
            connector,
            rng: proxy.options.rng("split"),
            following: Mutex::default(),
            listener_port,
            known: Mutex::new(KnownClusters::new()),
            table: ArcSwap::from_pointee(StackTable::of(proxy.config())),
            trace_attempts: TraceAttempts::new(&proxy.options.trace),
            proxy,
        });
        let follower: Weak<Self> = Arc::downgrade(&routes);
        routes.proxy.followed_by(follower);
        // For a change between the creation of the table and the registration.
        drop(routes.follow(&[]));
        routes
    }

    /// Returns the routes of the host that a request addresses.
    pub(in crate::mesh) fn host(
        &self,
        head: RequestHead<'_>,
    ) -> Result<Arc<VirtualHostStack<S, B>>, Rejection> {
        let addressed = Addressed::of(&head);
        let table = self.table();
        match table.config.find(addressed.authority) {
            Some((place, config)) => {
                let port = match self.listener_port {
                    Some(port) => port.of_stacks(&table.config),
                    None => addressed.port(),
                };
                Ok(self.named(&table, place, config, port))
            }
            None => self.passthrough(&table, addressed),
        }
    }

    /// Returns the ports that replace that of every request; `None` where requests name their own.
    pub(in crate::mesh) fn listener_ports(&self) -> Option<Arc<[u16]>> {
        let port = self.listener_port?;
        Some(port.all(&self.proxy.config()))
    }

    pub(in crate::mesh) fn options(&self) -> &Options {
        &self.proxy.options
    }

    pub(in crate::mesh) fn rng(&self) -> Rng {
        self.rng.clone()
    }

    pub(in crate::mesh) const fn trace_attempts(&self) -> &TraceAttempts {
        &self.trace_attempts
    }

    /// Returns the cluster of a destination; `None` if it is unknown.
    pub(in crate::mesh) fn cluster(
        &self,
        host: HostContext<'_>,
        destination: &Destination,
    ) -> Option<Arc<Cluster<S>>> {
        let key = if host.is_unnamed {
            ClusterKey::unnamed(destination.host(), host.port)
        } else {
            let is_gateway = self.listener_port.is_some();
            ClusterKey::named(destination, (!is_gateway).then_some(host.port))
        };
        let state = self.proxy.cluster(&key).unwrap_or_else(|| {
            // Passthrough without any configuration: there is no state to keep.
            Arc::new(ClusterState::passthrough(key.clone(), self.options()))
        });
        let mut known = self.lock();
        let old = known.of(&key).get(&key);
        if let Some(cluster) = old.filter(|cluster| cluster.is_current(&state)) {
            return Some(Arc::clone(cluster));
        }
        let old = old.map(Arc::as_ref);
        let cluster = Cluster::new(&key, state, old, &self.connector, self.proxy.owner())?;
        let cluster = Arc::new(cluster);
        // Dropped after the lock: a detector calls observers for the ejections that it ends.
        let _old = known.of(&key).insert(key, Arc::clone(&cluster));
        drop(known);
        Some(cluster)
    }

    /// Returns the layer of a route's mirror. An existing layer is kept as long as its cluster service is the same,
    /// so that a change of the configuration does not cancel copies in flight.
    pub(in crate::mesh) fn mirror(
        &self,
        host: HostContext<'_>,
        route: usize,
        destination: &Destination,
        policy: &MirrorPolicy,
    ) -> Option<RouteMirror<S, B>> {
        let cluster = self.cluster(host, destination)?;
        let key = MirrorKey {
            host: Arc::clone(&host.config.id),
            port: host.port,
            route,
            destination: destination.clone(),
            location: cluster.state().location(),
        };
        if let Some((id, layer)) = self.lock().mirrors.get(&key)
            && *id == cluster.id()
        {
            layer.reconfigure(policy.clone());
            return Some(layer.clone());
        }
        let options = self.options();
        let rng = options.rng(&format!("mirror {} {route} {destination}", host.config.id));
        let observe = Arc::clone(&options.observe);
        let id = cluster.id();
        let withheld = Withheld::from(key.location, &options.trace, true);
        let service = ToMirror::new(cluster.limited(), key.location, withheld);
        let layer = MirrorLayer::from_parts(policy.clone(), service, observe, rng);
        self.lock().mirrors.insert(key, (id, layer.clone()));
        Some(layer)
    }

    /// Returns the stacks of the current version.
    fn table(&self) -> Guard<Arc<StackTable<S, B>>> {
        self.table.load()
    }

    fn named(
        &self,
        table: &StackTable<S, B>,
        place: usize,
        config: &VirtualHostConfig,
        port: u16,
    ) -> Arc<VirtualHostStack<S, B>> {
        let slot = &table.hosts[place];
        if let Some(stack) = slot.load().as_ref().and_then(|all| all.on(port)) {
            return stack;
        }
        let made = Arc::new(VirtualHostStack::new(
            HostContext {
                config,
                port,
                is_unnamed: false,
                limits: &table.config.outbound.limits,
            },
            self,
        ));
        slot.rcu(|ports| {
            let none = PortStacks::default();
            let ports = ports.as_deref().unwrap_or(&none);
            Some(Arc::new(ports.with(port, &made)))
        });
        made
    }

    /// Returns the stack of a host without a virtual host.
    fn passthrough(
        &self,
        table: &StackTable<S, B>,
        addressed: Addressed<'_>,
    ) -> Result<Arc<VirtualHostStack<S, B>>, Rejection> {
        if self.proxy.role == Role::Gateway {
            return Err(Rejection::NoRoute);
        }
        let (host, port) = (addressed.host, addressed.port());
        if let Some(stack) = table.unnamed.find(host, port) {
            return Ok(stack);
        }
        let outbound = &table.config.outbound;
        let name = host.to_ascii_lowercase();
        let is_known = self
            .proxy
            .cluster(&ClusterKey::unnamed(&name, port))
            .is_some();
        if outbound.unknown_rejected && !is_known {
            return Err(Rejection::UnknownHost);
        }
        let stack = if is_known || !outbound.limits.is_empty() {
            let config = passthrough_config(&name);
            Arc::new(VirtualHostStack::new(
                HostContext::unnamed(&config, port, &outbound.limits),
                self,
            ))
        } else {
            let passing = || {
                let config = passthrough_config("PassthroughCluster");
                Arc::new(VirtualHostStack::new(
                    HostContext::unnamed(&config, 0, &[]),
                    self,
                ))
            };
            Arc::clone(table.passthrough.get_or_init(passing))
        };
        self.remember(table, host, port, &stack);
        Ok(stack)
    }

    /// Stores the stack of a host without a virtual host, in place of another one if there are many.
    fn remember(
        &self,
        table: &StackTable<S, B>,
        host: &str,
        port: u16,
        stack: &Arc<VirtualHostStack<S, B>>,
    ) {
        // Dropped after the lock: a detector calls observers for the ejections that it ends.
        let mut gone_with = Vec::new();
        let mut known = self.lock();
        let displaced = table.unnamed.insert(host, port, stack);
        if let Some(gone) = &displaced.entry {
            for (port, _) in &gone.ports.0 {
                let key = ClusterKey::unnamed(&gone.host.to_ascii_lowercase(), *port);
                gone_with.extend(known.unnamed.remove(&key));
                self.proxy.evict(&key);
            }
        }
        drop(known);
    }

    pub(in crate::mesh) fn lock(&self) -> MutexGuard<'_, KnownClusters<S, B>> {
        // Each entry is consistent by itself, so a poisoned lock is still usable.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S, B> RouterState<S, B> {
    pub(in crate::mesh) fn proxy(&self) -> &Proxy {
        &self.proxy
    }
}

impl<S, B> Debug for RouterState<S, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterState")
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}
