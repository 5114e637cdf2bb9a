//! What `istioctl analyze` warns of and what we do, for documents that are looked at together.

mod cluster;
mod destination_rule;
mod destinations;
mod duplicates;
mod gateways;
mod hosts;
mod overlap;
mod rate_limit;
mod routes;
mod service_entry;
mod subsets;
mod world;

use super::finding::Finding;
use super::foreign::Foreign;
use super::load::Unit;
use super::spec::Spec;
use world::World;

/// Findings with the object that each is about.
#[derive(Debug, Default)]
struct Advice {
    found: Vec<(usize, Finding)>,
    /// Those about objects of other projects.
    foreign: Vec<(usize, Finding)>,
}

impl Advice {
    fn push(&mut self, index: usize, finding: Finding) {
        self.found.push((index, finding));
    }

    fn push_foreign(&mut self, index: usize, finding: Finding) {
        self.foreign.push((index, finding));
    }
}

/// Looks at all objects, and adds what is found to each.
pub(super) fn advise(units: &mut [Unit], foreign: &mut [Foreign]) {
    let mut advice = Advice::default();
    duplicates::duplicates(units, &mut advice);
    let world = World::of(units, foreign);
    for (index, unit) in units.iter().enumerate() {
        // What would be said of it follows from what could not be read.
        if unit.findings.is_misread() {
            continue;
        }
        match &unit.object.spec {
            Some(Spec::VirtualService(service)) => {
                routes::routes(index, service, &mut advice);
                overlap::overlap(index, service, &mut advice);
                gateways::gateways(index, service, &world, &mut advice);
                gateways::delegates(index, service, &world, &mut advice);
                subsets::subsets(index, service, &world, &mut advice);
                destinations::destinations(index, service, &world, &mut advice);
            }
            Some(Spec::DestinationRule(rule)) => {
                destination_rule::destination_rule(index, rule, &world, &mut advice);
            }
            Some(Spec::ServiceEntry(entry)) => {
                service_entry::service_entry(index, entry, &world, &mut advice);
            }
            _ => {}
        }
    }
    hosts::hosts(&world, &mut advice);
    service_entry::conflicts(&world, &mut advice);
    cluster::cluster(&world, &mut advice);
    rate_limit::rate_limits(units, &mut advice);
    for (index, finding) in advice.found {
        units[index].findings.push(finding);
    }
    for (index, finding) in advice.foreign {
        foreign[index].findings.push(finding);
    }
}
