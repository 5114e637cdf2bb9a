//! Validation of single documents: the errors and warnings of `istioctl validate`.

mod destination_rule;
mod empty;
mod envoy_filter;
mod exposure;
mod fields;
mod gateway;
mod metadata;
mod names;
mod security;
mod service_entry;
mod sidecar;
mod telemetry;
mod virtual_service;

#[cfg(test)]
pub(super) use empty::unenforced;
pub(super) use empty::{empty, not_enforced};
pub(super) use envoy_filter::counted::{either, says_what_counts, value};
pub(crate) use envoy_filter::rate_limit::{find as find_limits, read as read_limit};
pub(super) use fields::fields;
pub(super) use metadata::{is_dry_run, metadata};
pub(crate) use names::{is_routing_claim, overlaps};
pub(crate) use service_entry::is_known_protocol;
pub(crate) use virtual_service::is_for_mesh;

use crate::istio::api::fields::read::{Nullable, Reader, Spanned};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::{Finding, Findings};
use crate::istio::model::object::Metadata;
use crate::istio::model::object::Object;
use crate::istio::model::spec::Spec;
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::{NodeId, Tree};

/// Context of the validation functions.
#[derive(Debug)]
pub(super) struct Validator<'a> {
    pub(super) object: &'a Object,
    pub(super) metadata: Option<&'a Metadata>,
    pub(super) tree: &'a Tree,
    pub(super) findings: &'a mut Findings,
}

impl Validator<'_> {
    /// Reports what Istio refuses.
    fn reject(&mut self, at: NodeId, message: impl Into<String>, help: impl Into<String>) {
        self.findings
            .push(Finding::rejected(at).message(message).help(help));
    }

    /// Reports a field that Istio requires.
    fn require(&mut self, at: NodeId, field: &'static str, message: &str, help: &str) {
        let finding = Finding::rejected(at).at_key().missing(field);
        self.findings.push(finding.message(message).help(help));
    }

    /// Reports what Istio takes with a warning.
    fn warn(
        &mut self,
        at: NodeId,
        message: impl Into<String>,
        effect: &str,
        help: impl Into<String>,
    ) {
        self.findings.push(
            Finding::warning(Code::SchemaWarning, at)
                .message(message)
                .effect(effect)
                .in_istio("`istioctl validate` warns of it too")
                .help(help),
        );
    }

    /// Reports the items of a list that are null.
    fn no_null<T>(&mut self, list: &Nullable<T>, at: NodeId, field: &'static str) {
        if list.0.iter().any(Option::is_none) {
            let at = self.tree.child(at, field).unwrap_or(at);
            let message = format!("an item of `{field}` is null");
            self.reject(at, message, "write or remove it");
        }
    }

    fn port(&mut self, port: Spanned<u32>) {
        if !(1..=65_535).contains(&port.value) {
            let message = format!("{} is no port", port.value);
            self.reject(port.at, message, "write a port from 1 to 65535");
        }
    }
}

/// Checks an object by itself.
pub(super) fn validate(
    object: &Object,
    spec: &Spec,
    metadata: Option<&Metadata>,
    reader: &mut Reader<'_>,
) {
    if let Spec::EnvoyFilter(filter) = spec {
        // It reads the content of patches, so it needs the reader.
        return envoy_filter::envoy_filter(filter, reader);
    }
    let c = &mut Validator {
        object,
        metadata,
        tree: reader.tree,
        findings: reader.findings,
    };
    match spec {
        Spec::AuthorizationPolicy(policy) => {
            security::authorization::authorization_policy(c, policy);
        }
        Spec::DestinationRule(rule) => destination_rule::destination_rule(c, rule),
        Spec::Gateway(gateway) => gateway::gateway(c, gateway),
        Spec::PeerAuthentication(peer) => security::peer_authentication(c, peer),
        Spec::RequestAuthentication(request) => security::request_authentication(c, request),
        Spec::ServiceEntry(entry) => service_entry::service_entry(c, entry),
        Spec::Sidecar(sidecar) => sidecar::sidecar(c, sidecar),
        Spec::Telemetry(telemetry) => telemetry::telemetry(c, telemetry),
        Spec::VirtualService(service) => virtual_service::virtual_service(c, service),
        Spec::WorkloadEntry(entry) => service_entry::workload::workload_entry(c, entry),
        Spec::WorkloadGroup(group) => service_entry::workload::workload_group(c, group),
        Spec::EnvoyFilter(_) => {}
    }
}

/// Validates an object's name.
pub(super) fn name(name: Option<&Spanned<String>>, at: NodeId, findings: &mut Findings) {
    let Some(name) = name.filter(|name| !name.value.is_empty()) else {
        findings.push(
            Finding::error(Code::SchemaValidation, at)
                .missing("name")
                .message("the object has no name")
                .effect("the document is rejected: it cannot be identified")
                .in_istio("Kubernetes rejects it")
                .help("write `metadata.name`"),
        );
        return;
    };
    let is_good = name.value.split('.').all(names::is_label) && name.value.len() <= 253;
    if !is_good || name.value.chars().any(|c| c.is_ascii_uppercase()) {
        findings.push(
            Finding::error(Code::SchemaValidation, name.at)
                .message(format!("`{}` is not a valid name", shorten(&name.value)))
                .effect("the document is rejected")
                .in_istio("Kubernetes rejects it")
                .help("use lower-case letters, digits, `-` and `.`"),
        );
    }
}
