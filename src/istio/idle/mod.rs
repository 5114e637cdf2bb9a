//! What is read and not acted on: each field says so, and what follows.

mod destination_rule;
mod envoy_filter;
mod gateway;
mod service_entry;
mod virtual_service;

use super::code::Code;
use super::finding::{Finding, Findings};
use super::read::Reader;
use super::spec::Spec;
use super::tree::At;

/// Tells of the fields of an object that have no effect here.
pub(super) fn idle(spec: &Spec, reader: &mut Reader<'_>) {
    match spec {
        Spec::EnvoyFilter(filter) => envoy_filter::envoy_filter(filter, reader),
        Spec::DestinationRule(rule) => {
            destination_rule::destination_rule(rule, &mut Idle(reader.findings));
        }
        Spec::Gateway(gateway) => gateway::gateway(gateway, &mut Idle(reader.findings)),
        Spec::ServiceEntry(entry) => {
            service_entry::service_entry(entry, &mut Idle(reader.findings));
        }
        Spec::VirtualService(service) => {
            virtual_service::virtual_service(service, &mut Idle(reader.findings));
        }
        // Of the other kinds nothing is enforced, and one finding says so of the whole.
        _ => {}
    }
}

#[derive(Debug)]
struct Idle<'a>(&'a mut Findings);

impl Idle<'_> {
    /// Tells of a field without which requests go as they would with it.
    fn note(&mut self, at: At, field: &str, here: &str) {
        let finding = Finding::note(Code::FieldNotActing, at).mend("nothing has to be done");
        self.push(finding, field, here);
    }

    /// Tells of a field whose author counts on it.
    fn warn(&mut self, at: At, field: &str, here: &str, mend: &str) {
        let finding = Finding::warning(Code::FieldNotActing, at).mend(mend);
        self.push(finding, field, here);
    }

    fn push(&mut self, finding: Finding, field: &str, here: &str) {
        self.0.push(
            finding
                .at_key()
                .what(format!("`{field}` is read and not acted on"))
                .here(here)
                .istio("its proxies act on it"),
        );
    }
}
