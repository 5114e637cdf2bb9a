use std::sync::Arc;

use super::rollout::Rollout;
use crate::mesh::service_mesh::state::mesh_state::{MeshState, lock};

impl MeshState {
    /// Adds a rollout in place of the last one of its host; returns false if that is running.
    pub(in crate::mesh) fn add_canary(&self, rollout: &Arc<Rollout>) -> bool {
        let mut canaries = lock(&self.canaries);
        let is_of_host = |one: &Arc<Rollout>| one.release.host == rollout.release.host;
        if canaries.iter().any(|one| is_of_host(one) && !one.is_over()) {
            return false;
        }
        canaries.retain(|one| !is_of_host(one));
        canaries.push(Arc::clone(rollout));
        true
    }

    /// Returns the last rollout of each host, oldest first.
    pub(in crate::mesh) fn canaries(&self) -> Vec<Arc<Rollout>> {
        lock(&self.canaries).clone()
    }
}
