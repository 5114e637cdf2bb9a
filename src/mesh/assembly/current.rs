use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::plans::Plans;
use super::weights::{Moved, Weighted};
use crate::istio::Documents;
use crate::istio::plan::{OutboundPlan, Subject};
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
    let mut found = Err(WeightsError::NoSuchRoute);
    for mut plan in probes(plans, documents, default_namespace) {
        match moved.apply(&mut plan) {
            Some(Ok(documented)) => return Ok(documented),
            Some(Err(error)) => found = Err(error),
            None => {}
        }
    }
    found
}

/// Returns the names that exist where one was named that does not: the routes of the host, else the hosts.
pub(super) fn known(
    plans: &dyn Plans,
    documents: &Documents,
    default_namespace: &Arc<str>,
    moved: &Moved,
) -> BTreeSet<Box<str>> {
    let (mut hosts, mut routes) = (BTreeSet::new(), BTreeSet::new());
    for plan in probes(plans, documents, default_namespace) {
        for host in &plan.hosts {
            let with = host.routes.iter().enumerate();
            let with = with.filter(|(_, plan)| !plan.route.destinations().is_empty());
            let names = with.map(|(place, plan)| match plan.route.name() {
                Some(name) => name.into(),
                None => place.to_string().into(),
            });
            if host.names.iter().any(|name| name.matches(&moved.host)) {
                routes.extend(names.map(|name: Box<str>| Box::from(format!("route {name}"))));
            } else if let Some(first) = host.names.first() {
                hosts.insert(first.to_string().into());
            }
        }
    }
    if routes.is_empty() { hosts } else { routes }
}

/// Returns the plans of a workload of each namespace, the default one first.
fn probes(
    plans: &dyn Plans,
    documents: &Documents,
    default_namespace: &Arc<str>,
) -> impl Iterator<Item = OutboundPlan> {
    let resources = documents.resources().iter();
    let namespaces: BTreeSet<_> = resources.map(|one| Arc::from(one.namespace())).collect();
    let all = [Arc::clone(default_namespace)]
        .into_iter()
        .chain(namespaces);
    all.map(|namespace| {
        plans.outbound(&Subject {
            name: "".into(),
            namespace,
            labels: BTreeMap::new(),
        })
    })
}
