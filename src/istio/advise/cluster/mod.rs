//! What the documents show of a cluster: the objects of Kubernetes among them, and what selects which.
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

use super::Advice;
use super::world::World;
use crate::istio::spec::Spec;

/// Looks at what refers to the cluster, or is of it.
pub(super) fn cluster(world: &World<'_>, advice: &mut Advice) {
    for (index, unit) in world.units.iter().enumerate() {
        if unit.findings.is_misread() {
            continue;
        }
        match &unit.object.spec {
            Some(Spec::AuthorizationPolicy(policy)) => {
                namespaces::namespaces(index, policy, world, advice);
                selectors::authorization(index, policy, world, advice);
            }
            Some(Spec::DestinationRule(rule)) => subsets::subsets(index, rule, world, advice),
            Some(Spec::VirtualService(service)) => claims::claims(index, service, world, advice),
            _ => {}
        }
    }
    gateways::gateways(world, advice);
    selectors::selectors(world, advice);
    ports::ports(&world.cluster, advice);
}
