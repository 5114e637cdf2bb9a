#[cfg(feature = "jwt")]
use std::any::Any;
use std::collections::HashMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwap;

use super::authorization;
use super::config::proxy_config::ProxyConfig;
use super::discarded::{Discarded, Leftover};
use super::inbound::Gates;
use super::memory::{State, config_of, configs_of, evict_unknown_hosts};
use super::role::Role;
use super::sources::inbound_source;
use crate::foundation::outcome::WorkloadMetadata;
use crate::foundation::peer::PeerExchange;
use crate::istio::config::{ClusterConfig, WorkloadId};
use crate::mesh::service_mesh::cluster::key::ClusterKey;
use crate::mesh::service_mesh::cluster::service::Owner;
use crate::mesh::service_mesh::cluster::state::ClusterState;
use crate::mesh::service_mesh::options::Options;
use crate::policies::authorization::AuthorizationLayer;

/// State of one proxy, the counterpart of an Envoy: configuration and state of a workload or a gateway, shared by
/// all clients and servers that are made of it.
pub(in crate::mesh) struct Proxy {
    pub(in crate::mesh) options: Options,
    pub(in crate::mesh) workload: WorkloadId,
    pub(in crate::mesh) role: Role,
    pub(super) authorization: AuthorizationLayer,
    /// Names of the workload, by which metrics know it.
    pub(in crate::mesh) metadata: Arc<WorkloadMetadata>,
    /// Exchange of these names with the other ends of requests.
    pub(in crate::mesh) peers: Option<Arc<PeerExchange>>,
    config: ArcSwap<ProxyConfig>,
    version: AtomicU64,
    state: Mutex<State>,
    pub(super) inbound: ArcSwap<Gates>,
    #[cfg(feature = "jwt")]
    attached: Mutex<Vec<Arc<dyn Any + Send + Sync>>>,
    /// The clients of the proxy, each with routes of its own.
    followers: Mutex<Vec<Weak<dyn Follow>>>,
    discarded: Discarded,
}

/// Client that follows the configuration of its proxy.
pub(in crate::mesh) trait Follow: Send + Sync {
    /// Switches to the current configuration, without the clusters in `gone`. Returns
    /// the old routes, to be freed later.
    fn follow(&self, gone: &[ClusterKey]) -> Option<Box<dyn Leftover>>;
}

impl Proxy {
    pub(in crate::mesh) fn new(
        role: Role,
        workload: WorkloadId,
        proxy_config: ProxyConfig,
        options: Options,
    ) -> Self {
        let metadata = options.metadata_of(&workload);
        let source = inbound_source(role, &workload, &metadata);
        let proxy = Self {
            authorization: authorization::layer(&options, role, &proxy_config, source),
            peers: options.exchange(&metadata),
            metadata,
            options,
            workload,
            role,
            version: AtomicU64::new(proxy_config.version),
            config: ArcSwap::from_pointee(proxy_config),
            state: Mutex::default(),
            inbound: ArcSwap::default(),
            #[cfg(feature = "jwt")]
            attached: Mutex::default(),
            followers: Mutex::default(),
            discarded: Discarded::default(),
        };
        proxy.open_inbound();
        proxy
    }

    pub(in crate::mesh) fn version(&self) -> u64 {
        // Acquire, with the Release in `apply_config`: a thread that sees a version also sees its configuration.
        self.version.load(Ordering::Acquire)
    }

    /// Returns itself as its clusters see it.
    pub(in crate::mesh) fn owner(&self) -> Owner<'_> {
        Owner {
            is_gateway: self.role == Role::Gateway,
            namespace: &self.workload.namespace,
            options: &self.options,
        }
    }

    pub(in crate::mesh) fn config(&self) -> Arc<ProxyConfig> {
        self.config.load_full()
    }

    /// Applies a new configuration to later requests. The state of a cluster or a rate limit
    /// stays as long as the new configuration names it.
    pub(in crate::mesh) fn apply_config(&self, proxy_config: ProxyConfig) {
        let known: Vec<_> = self.lock().clusters.keys().cloned().collect();
        // First: a policy that becomes stricter holds before anything else changes.
        authorization::apply(&self.authorization, &self.options, &proxy_config);
        // Not under the lock, which requests for hosts that are new to it wait for.
        let mut configs = configs_of(&self.workload, &proxy_config, known);
        // Dropped when the lock is gone: a detector tells observers whom it takes back.
        let mut gone = Vec::new();
        let (kept, limits, _old) = {
            let mut state = self.lock();
            state.clusters.retain(|key, cluster| {
                let config = configs.remove(key);
                // A cluster that was created in between has the old configuration.
                let config =
                    config.unwrap_or_else(|| config_of(&proxy_config, &self.workload, key));
                let Some(config) = config else {
                    gone.push((key.clone(), Arc::clone(cluster)));
                    return false;
                };
                cluster.set_config(config);
                true
            });
            gone.extend(evict_unknown_hosts(&mut state, &proxy_config));
            let policies: HashMap<_, _> = proxy_config
                .limits()
                .map(|limit| (&*limit.id, limit))
                .collect();
            state.limits.retain(|_, of_host| {
                of_host.retain(|(id, _)| policies.contains_key(&**id));
                !of_host.is_empty()
            });
            let limits = state.limits.values().flatten();
            let limits: Vec<_> = limits
                .map(|(id, layer)| (layer.clone(), policies[&**id].clone()))
                .collect();
            let kept: Vec<_> = state.clusters.values().cloned().collect();
            let version = proxy_config.version;
            // Under the lock, so that no cluster is created by the old configuration afterwards.
            let old = self.config.swap(Arc::new(proxy_config));
            self.version.store(version, Ordering::Release);
            // Freed after the lock: it may be the last of ten thousand hosts.
            (kept, limits, old)
        };
        // After the lock: the policies call observers.
        for cluster in kept {
            cluster.apply_config();
        }
        for (layer, config) in limits {
            layer.reconfigure(config.policy.with_max_queue(0));
            layer.emitter().set_origin(config.origin.as_ref());
            layer.emitter().set_route(config.route.as_ref());
        }
        self.open_inbound();
        for (_, cluster) in &gone {
            // Endpoint ejections end now; the rest is freed when the last request ends.
            cluster.retire();
        }
        let gone: Vec<_> = gone.into_iter().map(|(key, _)| key).collect();
        self.lead(&gone);
    }

    /// Returns what servers attach to the proxy to share it, the only one of its type, made on first use.
    #[cfg(feature = "jwt")]
    pub(in crate::mesh) fn attached<T: Any + Send + Sync>(
        &self,
        make: impl FnOnce() -> Arc<T>,
    ) -> Arc<T> {
        let attached = self.attached.lock();
        let mut attached = attached.unwrap_or_else(PoisonError::into_inner);
        let known = attached.iter().cloned();
        let mut known = known.filter_map(|known| known.downcast::<T>().ok());
        if let Some(known) = known.next() {
            return known;
        }
        let first = make();
        attached.push(Arc::clone(&first) as _);
        first
    }

    /// Registers a client that follows each new configuration.
    pub(in crate::mesh) fn followed_by(&self, follower: Weak<dyn Follow>) {
        let mut followers = self.followers();
        followers.retain(|known| known.strong_count() > 0);
        followers.push(follower);
    }

    /// Switches all clients to the current configuration, so that no request has to.
    fn lead(&self, gone: &[ClusterKey]) {
        let followers: Vec<_> = self.followers().iter().filter_map(Weak::upgrade).collect();
        for follower in followers {
            if let Some(leftover) = follower.follow(gone) {
                self.discarded.take(leftover);
            }
        }
    }

    /// Returns the state of a cluster, created on first use; `None` if no route names it and no document configures
    /// it.
    pub(in crate::mesh) fn cluster(&self, key: &ClusterKey) -> Option<Arc<ClusterState>> {
        let mut state = self.lock();
        if let Some(known) = state.clusters.get(key) {
            return Some(Arc::clone(known));
        }
        let config = config_of(&self.config.load(), &self.workload, key)?;
        let made = Arc::new(ClusterState::new(
            key.clone(),
            config,
            &self.options,
            &self.source(),
        ));
        state.clusters.insert(key.clone(), Arc::clone(&made));
        Some(made)
    }

    /// Returns the configuration of a cluster; `None` if no document says anything of one that no route names.
    pub(in crate::mesh) fn cluster_config(&self, key: &ClusterKey) -> Option<ClusterConfig> {
        config_of(&self.config.load(), &self.workload, key)
    }

    /// Removes the state of a host that no route names.
    pub(in crate::mesh) fn evict(&self, key: &ClusterKey) {
        let host = key.destination().host();
        let _gone = {
            let mut state = self.lock();
            (state.limits.remove(host), state.clusters.remove(key))
        };
    }

    pub(in crate::mesh) fn knows(&self, key: &ClusterKey) -> bool {
        self.lock().clusters.contains_key(key)
    }

    /// Returns the number of remembered clusters and rate limits.
    #[cfg(test)]
    pub(in crate::mesh) fn remembered(&self) -> usize {
        let state = self.lock();
        let limits = state.limits.values().map(Vec::len);
        state.clusters.len() + limits.sum::<usize>()
    }

    /// Returns true if all old routes are freed.
    #[cfg(test)]
    pub(in crate::mesh) fn is_all_freed(&self) -> bool {
        self.discarded.is_empty()
    }

    fn followers(&self) -> MutexGuard<'_, Vec<Weak<dyn Follow>>> {
        self.followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Each entry is consistent by itself, so a poisoned lock is still usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Debug for Proxy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // Short: services show it, and the state of a mesh has thousands of entries.
        let WorkloadId {
            name, namespace, ..
        } = &self.workload;
        f.debug_struct("Proxy")
            .field("role", &self.role)
            .field("name", &format_args!("{name}.{namespace}"))
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
