//! Findings for fields without effect in this crate.

mod destination_rule;
mod envoy_filter;
mod gateway;
mod service_entry;
mod virtual_service;

use crate::istio::api::fields::read::Reader;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::{Finding, Findings};
use crate::istio::model::spec::Spec;
use crate::istio::syntax::tree::NodeId;

/// Reports the fields of an object that have no effect.
pub(super) fn coverage(spec: &Spec, reader: &mut Reader<'_>) {
    match spec {
        Spec::EnvoyFilter(filter) => envoy_filter::envoy_filter(filter, reader),
        Spec::DestinationRule(rule) => {
            destination_rule::destination_rule(rule, &mut CoverageReport(reader.findings));
        }
        Spec::Gateway(gateway) => gateway::gateway(gateway, &mut CoverageReport(reader.findings)),
        Spec::ServiceEntry(entry) => {
            service_entry::service_entry(entry, &mut CoverageReport(reader.findings));
        }
        Spec::VirtualService(service) => {
            virtual_service::virtual_service(service, &mut CoverageReport(reader.findings));
        }
        // The other kinds are not enforced at all, which one finding reports.
        _ => {}
    }
}

#[derive(Debug)]
struct CoverageReport<'a>(&'a mut Findings);

impl CoverageReport<'_> {
    /// Tells of a field without which requests go as they would with it.
    fn note(&mut self, at: NodeId, field: &str, effect: &str) {
        let finding = Finding::note(Code::FieldWithoutEffect, at).help("nothing has to be done");
        self.push(finding, field, effect);
    }

    /// Tells of a field whose author counts on it.
    fn warn(&mut self, at: NodeId, field: &str, effect: &str, help: &str) {
        let finding = Finding::warning(Code::FieldWithoutEffect, at).help(help);
        self.push(finding, field, effect);
    }

    fn push(&mut self, finding: Finding, field: &str, effect: &str) {
        self.0.push(
            finding
                .at_key()
                .message(format!("`{field}` is read and not acted on"))
                .effect(effect)
                .in_istio("its proxies act on it"),
        );
    }
}
