//! Switch of a client's routes to another configuration.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use super::leftover::OldRoutes;
use super::stack_table::StackTable;
use crate::mesh::service_mesh::cluster::key::ClusterKey;
use crate::mesh::service_mesh::proxy::discarded::Leftover;
use crate::mesh::service_mesh::proxy::state::Follow;
use crate::mesh::service_mesh::router::router_state::RouterState;

/// Number of clusters that are removed under one lock, for which requests to new hosts wait.
const STEP: usize = 64;

impl<S: Clone + Send + Sync + 'static, B: 'static> Follow for RouterState<S, B> {
    fn follow(&self, gone: &[ClusterKey]) -> Option<Box<dyn Leftover>> {
        // One switch at a time: two might publish their tables in the wrong order.
        let _one = self
            .following
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let proxy_config = self.proxy().config();
        // A registration and a change may both call this for one configuration.
        if self.table.load().config.revision >= proxy_config.revision {
            return None;
        }
        let hosts = proxy_config.outbound.hosts.iter();
        let hosts: HashSet<Arc<str>> = hosts.map(|host| Arc::clone(&host.id)).collect();
        let mut left = OldRoutes::new(self.table.swap(Arc::new(StackTable::of(proxy_config))));
        // The lock is released between chunks, so that requests for new hosts pass.
        for some in gone.chunks(STEP) {
            let mut known = self.lock();
            let some = some.iter().filter_map(|key| known.of(key).remove(key));
            left.clusters.extend(some);
        }
        let mut known = self.lock();
        // The proxy may have evicted hosts that this client still has.
        let unnamed = known.unnamed.extract_if(|key, _| !self.proxy().knows(key));
        left.clusters.extend(unnamed.map(|(_, cluster)| cluster));
        let mirrors = known
            .mirrors
            .extract_if(|key, _| !hosts.contains(&key.host));
        left.mirrors.extend(mirrors.map(|(_, (_, mirror))| mirror));
        Some(Box::new(left))
    }
}
