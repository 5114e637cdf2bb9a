use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::known_clusters::RouteMirror;
use super::stack_table::{PortStacks, StackTable};
use super::unnamed::Shard;
use crate::istio::config::VirtualHostConfig;
use crate::mesh::service_mesh::cluster::service::Cluster;
use crate::mesh::service_mesh::proxy::config::proxy_config::ProxyConfig;
use crate::mesh::service_mesh::proxy::discarded::{Freed, Leftover};

/// Routes of a replaced version.
pub(in crate::mesh) struct OldRoutes<S, B> {
    /// Removed clusters.
    pub(in crate::mesh) clusters: Vec<Arc<Cluster<S>>>,
    pub(in crate::mesh) mirrors: Vec<RouteMirror<S, B>>,
    hosts: Vec<ArcSwapOption<PortStacks<S, B>>>,
    live: Option<Arc<ProxyConfig>>,
    plans: Vec<Arc<VirtualHostConfig>>,
    table: Option<Arc<StackTable<S, B>>>,
    unnamed: Vec<ArcSwapOption<Shard<S, B>>>,
}

/// Number of items per step: some hundred microseconds of work.
const STEP: usize = 8;

impl<S, B> OldRoutes<S, B> {
    pub(in crate::mesh) const fn new(table: Arc<StackTable<S, B>>) -> Self {
        Self {
            clusters: Vec::new(),
            mirrors: Vec::new(),
            hosts: Vec::new(),
            live: None,
            plans: Vec::new(),
            table: Some(table),
            unnamed: Vec::new(),
        }
    }

    /// Takes the table apart once no request uses it: the last owner would free all of it at once.
    fn take_apart(&mut self, table: Arc<StackTable<S, B>>) -> Freed {
        match Arc::try_unwrap(table) {
            Ok(table) => {
                self.hosts = table.hosts.into_vec();
                self.live = Some(table.config);
                self.unnamed = table.unnamed.into_shards();
                Freed::Part
            }
            Err(table) => {
                self.table = Some(table);
                Freed::InUse
            }
        }
    }

    /// Takes the configuration apart, unless another client shares it, which then does so.
    fn take_plan_apart(&mut self, proxy_config: Arc<ProxyConfig>) {
        let outbound = Arc::into_inner(proxy_config).map(|config| config.outbound);
        if let Some(outbound) = outbound.and_then(Arc::into_inner) {
            self.plans = outbound.into_hosts();
        }
    }
}

impl<S: Send + Sync + 'static, B: 'static> Leftover for OldRoutes<S, B> {
    fn free_some(&mut self) -> Freed {
        if let Some(table) = self.table.take() {
            return self.take_apart(table);
        }
        let is_part = drop_some(&mut self.hosts)
            || drop_some(&mut self.unnamed)
            || drop_some(&mut self.mirrors)
            || drop_some(&mut self.clusters);
        if is_part {
            return Freed::Part;
        }
        if let Some(proxy_config) = self.live.take() {
            self.take_plan_apart(proxy_config);
            return Freed::Part;
        }
        if drop_some(&mut self.plans) {
            Freed::Part
        } else {
            Freed::All
        }
    }
}

/// Drops the last few items; returns true if there were any.
fn drop_some<T>(all: &mut Vec<T>) -> bool {
    let is_any = !all.is_empty();
    all.truncate(all.len().saturating_sub(STEP));
    is_any
}
