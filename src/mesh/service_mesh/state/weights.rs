use std::collections::BTreeSet;
use std::sync::Arc;

use super::change::{Cause, Change};
use super::config_snapshot::{ConfigSnapshot, documented, known, probes};
use super::mesh_state::{MeshState, lock};
use super::weight_overrides::WeightOverride;
use crate::istio::config::OutboundConfig;
use crate::mesh::service_mesh::Error;
use crate::policies::traffic_split::WeightsError;

impl MeshState {
    /// Overrides documented weights.
    pub(in crate::mesh) fn set_weights(&self, overrides: WeightOverride) -> Result<Change, Error> {
        let change = self.set_weights_if(overrides, |_, _| true)?;
        Ok(change.expect("weights without a condition are set"))
    }

    /// Overrides documented weights, if a condition on these and on the current override holds.
    pub(in crate::mesh) fn set_weights_if(
        &self,
        mut overrides: WeightOverride,
        condition: impl FnOnce(&[u32], Option<&[u32]>) -> bool,
    ) -> Result<Option<Change>, Error> {
        let _changing = lock(&self.changing);
        let old = self.snapshot();
        let default = self.default_namespace();
        let found = documented(&*old.documented, &old.documents, default, &overrides).map_err(
            |source| {
                let known = match source {
                    WeightsError::NoSuchRoute => {
                        known(&*old.documented, &old.documents, default, &overrides)
                    }
                    WeightsError::AllZero | WeightsError::Count { .. } => BTreeSet::new(),
                };
                Error::Weights {
                    host: overrides.host.clone(),
                    known: known.into_iter().collect(),
                    source,
                }
            },
        )?;
        overrides.documented = found.before;
        overrides.target = Some(found.target);
        let all = old.overrides.iter();
        let (others, same): (Vec<_>, Vec<_>) =
            all.partition(|other| other.target != overrides.target);
        let current = same.first().map(|current| &*current.weights);
        if !condition(&overrides.documented, current) {
            return Ok(None);
        }
        let line = format!("{} has the weights {:?}", overrides.host, overrides.weights);
        let all = others.into_iter().chain([&overrides]).cloned().collect();
        let (documents, configs) = (Arc::clone(&old.documents), Arc::clone(&old.documented));
        let current = ConfigSnapshot::new(old.version + 1, documents, configs, all);
        Ok(Some(self.change(
            current,
            Cause::Weights,
            [line.into()].into(),
        )))
    }

    /// Returns the documented configurations of a workload of each namespace, the default one first.
    pub(in crate::mesh) fn outbound_configs(&self) -> Vec<OutboundConfig> {
        let current = self.snapshot();
        let default = self.default_namespace();
        probes(&*current.documented, &current.documents, default).collect()
    }
}
