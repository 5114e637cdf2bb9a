//! Cross-resource checks: those of `istioctl analyze` that need no cluster, and additional ones.

mod cluster;
mod context;
mod destination_rule;
mod duplicates;
mod gateways;
mod rate_limit;
mod routes;
mod service_entry;

use crate::istio::diagnostics::finding::Finding;
use crate::istio::model::foreign::Foreign;
use crate::istio::model::load::parsed_object::ParsedObject;
use crate::istio::model::spec::Spec;
use context::AnalysisContext;

/// Findings, each with the index of its object.
#[derive(Debug, Default)]
struct AnalysisReport {
    found: Vec<(usize, Finding)>,
    /// Those about objects of other projects.
    foreign: Vec<(usize, Finding)>,
}

impl AnalysisReport {
    fn push(&mut self, index: usize, finding: Finding) {
        self.found.push((index, finding));
    }

    fn push_foreign(&mut self, index: usize, finding: Finding) {
        self.foreign.push((index, finding));
    }
}

/// Looks at all objects, and adds what is found to each.
pub(super) fn analyze(units: &mut [ParsedObject], foreign: &mut [Foreign]) {
    let mut advice = AnalysisReport::default();
    duplicates::duplicates(units, &mut advice);
    duplicates::subsets(units, &mut advice);
    let context = AnalysisContext::of(units, foreign);
    for (index, parsed) in units.iter().enumerate() {
        // What would be said of it follows from what could not be read.
        if parsed.findings.is_misread() {
            continue;
        }
        match &parsed.object.spec {
            Some(Spec::VirtualService(service)) => {
                routes::routes(index, service, &mut advice);
                routes::overlap::overlap(index, service, &mut advice);
                gateways::gateways(index, service, &context, &mut advice);
                gateways::delegates(index, service, &context, &mut advice);
                routes::subsets::subsets(index, service, &context, &mut advice);
                routes::destinations::destinations(index, service, &context, &mut advice);
            }
            Some(Spec::DestinationRule(rule)) => {
                destination_rule::destination_rule(index, rule, &context, &mut advice);
            }
            Some(Spec::ServiceEntry(entry)) => {
                service_entry::service_entry(index, entry, &context, &mut advice);
            }
            _ => {}
        }
    }
    routes::hosts::hosts(&context, &mut advice);
    service_entry::conflicts(&context, &mut advice);
    cluster::cluster(&context, &mut advice);
    rate_limit::rate_limits(units, &mut advice);
    for (index, finding) in advice.found {
        units[index].findings.push(finding);
    }
    for (index, finding) in advice.foreign {
        foreign[index].findings.push(finding);
    }
}
