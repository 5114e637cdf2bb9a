use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::plans::Plans;
use super::weights::{Moved, Weighted};
use crate::istio::Documents;
use crate::istio::plan::Subject;
use crate::traffic_split::WeightsError;

/// One version.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) documents: Arc<Documents>,
    /// What the documents mean.
    pub(super) documented: Arc<dyn Plans>,
    pub(super) moved: Vec<Moved>,
    /// What they mean with what was set by code.
    pub(super) plans: Arc<dyn Plans>,
    pub(super) version: u64,
}

impl Current {
    pub(super) fn new(
        version: u64,
        documents: Arc<Documents>,
        documented: Arc<dyn Plans>,
        moved: Vec<Moved>,
    ) -> Self {
        let plans: Arc<dyn Plans> = if moved.is_empty() {
            Arc::clone(&documented)
        } else {
            let (inner, moved) = (Arc::clone(&documented), moved.clone());
            Arc::new(Weighted { inner, moved })
        };
        Self {
            documents,
            documented,
            moved,
            plans,
            version,
        }
    }
}

/// Returns the weights that documents give to the route that is meant: in the default namespace, or in the
/// first that knows it.
pub(super) fn documented(
    plans: &dyn Plans,
    documents: &Documents,
    default_namespace: &Arc<str>,
    moved: &Moved,
) -> Result<Vec<u32>, WeightsError> {
    let resources = documents.resources().iter();
    let namespaces: BTreeSet<_> = resources.map(|one| Arc::from(one.namespace())).collect();
    let mut found = Err(WeightsError::NoSuchRoute);
    for namespace in [Arc::clone(default_namespace)]
        .into_iter()
        .chain(namespaces)
    {
        let probe = Subject {
            name: "".into(),
            namespace,
            labels: BTreeMap::new(),
        };
        match moved.apply(&mut plans.outbound(&probe)) {
            Some(Ok(documented)) => return Ok(documented),
            Some(Err(error)) => found = Err(error),
            None => {}
        }
    }
    found
}
