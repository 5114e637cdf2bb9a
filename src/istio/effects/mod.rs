//! Findings for fields without effect in this crate: the declared ones, and those that depend on several fields.

mod authorization_policy;
mod declared;
mod destination_rule;
mod envoy_filter;
mod service_entry;
mod virtual_service;

use crate::istio::api::fields::read::Reader;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::{Finding, Findings};
use crate::istio::model::kind::Kind;
use crate::istio::model::spec::Spec;
use crate::istio::syntax::tree::NodeId;

/// Reports the fields of an object that have no effect; `at` is the spec.
///
/// Without an identity mutual TLS with the certificates of the mesh has none.
pub(super) fn coverage(
    kind: Kind,
    spec: &Spec,
    at: NodeId,
    has_identity: bool,
    reader: &mut Reader<'_>,
) {
    // One finding reports that such a kind is not enforced at all.
    if kind.is_validated_only() {
        return;
    }
    let tree = reader.tree;
    let idle = &mut CoverageReport(reader.findings);
    let mut left_out = Vec::new();
    match spec {
        Spec::AuthorizationPolicy(policy) => {
            authorization_policy::authorization_policy(policy, idle);
        }
        Spec::DestinationRule(rule) if cfg!(feature = "mtls") && !has_identity => {
            destination_rule::without_identity(rule, idle);
        }
        Spec::EnvoyFilter(filter) => left_out = envoy_filter::envoy_filter(filter, tree, idle),
        Spec::ServiceEntry(entry) => service_entry::service_entry(entry, idle),
        Spec::VirtualService(service) => virtual_service::virtual_service(service, idle),
        _ => {}
    }
    declared::declared(Spec::descriptor(kind), at, &left_out, tree, idle);
}

#[derive(Debug)]
struct CoverageReport<'a>(&'a mut Findings);

impl CoverageReport<'_> {
    /// Reports a field without which requests go as they would with it.
    fn note(&mut self, at: NodeId, field: &str, effect: &str) {
        let finding = Finding::note(Code::FieldWithoutEffect, at).help("nothing has to be done");
        self.push(finding, field, effect);
    }

    /// Reports a field whose author counts on it.
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
