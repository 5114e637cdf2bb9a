//! Cluster as far as the documents show it: its objects of Kubernetes, and the workloads that selectors match.
//!
//! A finding about what is *not* in the cluster is made only where the documents show that part of it at all.

mod claims;
mod gateways;
mod labels;
mod namespaces;
mod ports;
mod selectors;
mod shown;
mod subsets;

pub(super) use labels::Labels;
pub(super) use shown::{Cluster, Service, ServicePort};

use super::AnalysisReport;
use super::context::AnalysisContext;
use crate::istio::model::spec::Spec;

/// Looks at what refers to the cluster, or is of it.
pub(super) fn cluster(context: &AnalysisContext<'_>, advice: &mut AnalysisReport) {
    for (index, parsed) in context.objects.iter().enumerate() {
        if parsed.findings.is_misread() {
            continue;
        }
        match &parsed.object.spec {
            Some(Spec::AuthorizationPolicy(policy)) => {
                namespaces::namespaces(index, policy, context, advice);
                selectors::authorization(index, policy, context, advice);
            }
            Some(Spec::DestinationRule(rule)) => subsets::subsets(index, rule, context, advice),
            Some(Spec::VirtualService(service)) => claims::claims(index, service, context, advice),
            _ => {}
        }
    }
    gateways::gateways(context, advice);
    selectors::selectors(context, advice);
    ports::ports(&context.cluster, advice);
}
