//! Snapshot of a mesh, read beside its requests.

mod cluster;
mod proxy_state;

use std::sync::Arc;

use super::proxy::state::Proxy;
use super::state::config_snapshot::ConfigSnapshot;
use super::state::mesh_state::{MeshState, lock};
use super::state::refusals::Refused;
use crate::mesh::snapshot::{
    CanarySnapshot, ChangeSnapshot, MeshSnapshot, Moment, RefusalSnapshot,
};

/// Number of findings of the documents in a snapshot.
const MAX_DIAGNOSTICS: usize = 200;

/// Reads the state of a mesh.
pub(super) fn mesh(state: &MeshState) -> MeshSnapshot {
    let moment = Moment::read();
    let config: &ConfigSnapshot = &state.snapshot();
    let diagnostics = config.documents.diagnostics();
    let history = state.history();
    let mut proxies: Vec<_> = proxies(state)
        .iter()
        .map(|one| proxy_state::snapshot(one, &config.overrides, moment))
        .collect();
    proxies.sort_by_cached_key(|proxy| {
        let (namespace, name) = (proxy.namespace.clone(), proxy.name.clone());
        (namespace, name, proxy.is_gateway, proxy.labels.clone())
    });
    let refused = state.refusals.current();
    MeshSnapshot {
        at: moment.time,
        version: config.version,
        objects: config.documents.resources().len(),
        proxies,
        diagnostics: diagnostics.iter().take(MAX_DIAGNOSTICS).cloned().collect(),
        diagnostic_count: diagnostics.len(),
        history: history
            .iter()
            .map(|change| ChangeSnapshot {
                version: change.version(),
                at: change.at(),
                cause: change.cause().to_string().into(),
                changed: change.changed().to_vec(),
            })
            .collect(),
        refused: refused.count,
        refusals: refusals(&refused, config.version),
        canaries: canaries(state),
    }
}

/// Returns all proxies, in no order.
pub(super) fn proxies(state: &MeshState) -> Vec<Arc<Proxy>> {
    lock(&state.proxies).values().cloned().collect()
}

fn canaries(state: &MeshState) -> Vec<CanarySnapshot> {
    let rollouts = state.canaries().into_iter();
    let statuses = rollouts.map(|rollout| rollout.status());
    statuses
        .map(|status| CanarySnapshot {
            host: status.host().into(),
            subset: status.subset().into(),
            weight: status.decision().weight().millionths(),
            step: status.decision().step(),
            decision: status.decision().to_string().into(),
            evidence: status
                .reports()
                .iter()
                .map(|report| report.to_string().into())
                .collect(),
            is_over: status.is_over(),
        })
        .collect()
}

fn refusals(refused: &Refused, version: u64) -> Vec<RefusalSnapshot> {
    let last = refused.last.len().checked_sub(1);
    let all = refused.last.iter().enumerate();
    all.map(|(place, refusal)| RefusalSnapshot {
        at: refusal.at,
        cause: refusal.cause.to_string().into(),
        error: refusal.text.clone(),
        diagnostics: refusal.errors.clone(),
        is_current: Some(place) == last && refusal.version == version,
    })
    .collect()
}
