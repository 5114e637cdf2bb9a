use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::{ArcSwap, Guard};

use super::listener_port::ListenerPort;
use super::route::virtual_host_stack::{HostContext, VirtualHostStack};
use super::table::known_clusters::KnownClusters;
use super::table::stack_table::{
    DEFAULT_ROUTE, PASSTHROUGH_ROUTE, PortStacks, StackTable, passthrough_config,
};
use crate::foundation::events::Emitter;
use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::Addressed;
use crate::foundation::outcome::Rejection;
use crate::foundation::sync::rng::Rng;
use crate::istio::config::VirtualHostConfig;
use crate::mesh::service_mesh::cluster::connect::connector::Connector;
use crate::mesh::service_mesh::cluster::key::{ClusterKey, PASSTHROUGH_CLUSTER};
use crate::mesh::service_mesh::options::Options;
use crate::mesh::service_mesh::proxy::role::Role;
use crate::mesh::service_mesh::proxy::state::{Follow, Proxy};

/// Routes of one client: a stack for each host, created on first use.
pub(in crate::mesh) struct RouterState<S, B> {
    pub(super) connector: Connector<S>,
    emitter: Emitter,
    rng: Rng,
    /// Held during a switch to another configuration.
    pub(in crate::mesh) following: Mutex<()>,
    /// Listener port of a gateway; `None` for a workload.
    pub(super) listener_port: Option<ListenerPort>,
    /// Clusters and mirrors, which outlive changes of the configuration.
    known: Mutex<KnownClusters<S, B>>,
    pub(super) proxy: Arc<Proxy>,
    pub(in crate::mesh) table: ArcSwap<StackTable<S, B>>,
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
            emitter: proxy.emitter(proxy.source()),
            rng: proxy.options.rng("split"),
            following: Mutex::default(),
            listener_port,
            known: Mutex::new(KnownClusters::new()),
            table: ArcSwap::from_pointee(StackTable::of(proxy.config())),
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

    /// Returns the emitter for requests without a route.
    pub(in crate::mesh) const fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    pub(in crate::mesh) fn options(&self) -> &Options {
        &self.proxy.options
    }

    pub(in crate::mesh) fn rng(&self) -> Rng {
        self.rng.clone()
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
            let route = if is_known {
                DEFAULT_ROUTE
            } else {
                PASSTHROUGH_ROUTE
            };
            let config = passthrough_config(&name, route);
            Arc::new(VirtualHostStack::new(
                HostContext::unnamed(&config, port, &outbound.limits),
                self,
            ))
        } else {
            let passing = || {
                let config = passthrough_config(PASSTHROUGH_CLUSTER, PASSTHROUGH_ROUTE);
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
