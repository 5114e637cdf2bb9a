//! What `istioctl validate` refuses and warns of, one document at a time.

mod answers;
mod authorization;
mod bounds;
mod condition;
mod connection;
mod destination_rule;
mod empty;
mod endpoints;
mod envoy_filter;
mod exposure;
mod fault;
mod gateway;
mod header_operations;
mod http_match;
mod http_route;
mod load_balancer;
mod locality;
mod metadata;
mod names;
mod object_match;
mod operation;
mod rate_limit;
mod retries;
mod security;
mod selector;
mod service_entry;
mod sidecar;
mod telemetry;
mod virtual_service;
mod workload;

use std::time::Duration;

pub(super) use bounds::bounds;
pub(super) use empty::{empty, not_enforced};
pub(crate) use fault::GRPC_STATUS;
pub(super) use metadata::metadata;
pub(crate) use names::{is_routing_claim, overlaps};
pub(crate) use rate_limit::{find as find_limits, read as read_limit};
pub(crate) use service_entry::is_known_protocol;
pub(crate) use virtual_service::is_for_mesh;

use super::code::Code;
use super::finding::{Finding, Findings};
use super::object::Metadata;
use super::object::Object;
use super::read::{Nullable, Reader, Set, Time, shorten};
use super::spec::Spec;
use super::tree::{At, Tree};

/// What the checks share.
#[derive(Debug)]
pub(super) struct Check<'a> {
    pub(super) object: &'a Object,
    pub(super) metadata: Option<&'a Metadata>,
    pub(super) tree: &'a Tree,
    pub(super) findings: &'a mut Findings,
}

impl Check<'_> {
    /// Reports what Istio refuses.
    fn refuse(&mut self, at: At, what: impl Into<String>, mend: impl Into<String>) {
        self.findings
            .push(Finding::refused(at).what(what).mend(mend));
    }

    /// Reports a field that Istio requires.
    fn require(&mut self, at: At, field: &'static str, what: &str, mend: &str) {
        let finding = Finding::refused(at).at_key().missing(field);
        self.findings.push(finding.what(what).mend(mend));
    }

    /// Reports what Istio takes with a warning.
    fn warn(&mut self, at: At, what: impl Into<String>, here: &str, mend: impl Into<String>) {
        self.findings.push(
            Finding::warning(Code::SchemaWarning, at)
                .what(what)
                .here(here)
                .istio("`istioctl validate` warns of it too")
                .mend(mend),
        );
    }

    /// Reports the items of a list that are null.
    fn no_null<T>(&mut self, list: &Nullable<T>, at: At, field: &'static str) {
        if list.0.iter().any(Option::is_none) {
            let at = self.tree.child(at, field).unwrap_or(at);
            let what = format!("an item of `{field}` is null");
            self.refuse(at, what, "write or remove it");
        }
    }

    /// Checks that a time is a whole number of milliseconds, at least 1.
    fn time(&mut self, time: &Time) {
        let Some(time) = time else { return };
        if time.value < Duration::from_millis(1) {
            self.refuse(
                time.at,
                "the duration is shorter than 1ms",
                "write 1ms or more",
            );
        } else if time.value.subsec_nanos() % 1_000_000 != 0 {
            let what = "the duration is no whole number of milliseconds";
            self.refuse(time.at, what, "round it to milliseconds");
        }
    }

    /// Checks a time of which 0 means that there is none.
    fn time_or_zero(&mut self, time: &Time) {
        // Istio looks at whole milliseconds.
        if time.is_some_and(|time| time.value >= Duration::from_millis(1)) {
            self.time(time);
        }
    }

    fn port(&mut self, port: Set<u32>) {
        if !(1..=65_535).contains(&port.value) {
            let what = format!("{} is no port", port.value);
            self.refuse(port.at, what, "write a port from 1 to 65535");
        }
    }
}

/// Checks an object by itself.
pub(super) fn check(
    object: &Object,
    spec: &Spec,
    metadata: Option<&Metadata>,
    reader: &mut Reader<'_>,
) {
    if let Spec::EnvoyFilter(filter) = spec {
        // It reads what is inside the patches, so that it needs the reader.
        return envoy_filter::envoy_filter(filter, reader);
    }
    let c = &mut Check {
        object,
        metadata,
        tree: reader.tree,
        findings: reader.findings,
    };
    match spec {
        Spec::AuthorizationPolicy(policy) => authorization::authorization_policy(c, policy),
        Spec::DestinationRule(rule) => destination_rule::destination_rule(c, rule),
        Spec::Gateway(gateway) => gateway::gateway(c, gateway),
        Spec::PeerAuthentication(peer) => security::peer_authentication(c, peer),
        Spec::RequestAuthentication(request) => security::request_authentication(c, request),
        Spec::ServiceEntry(entry) => service_entry::service_entry(c, entry),
        Spec::Sidecar(sidecar) => sidecar::sidecar(c, sidecar),
        Spec::Telemetry(telemetry) => telemetry::telemetry(c, telemetry),
        Spec::VirtualService(service) => virtual_service::virtual_service(c, service),
        Spec::WorkloadEntry(entry) => workload::workload_entry(c, entry),
        Spec::WorkloadGroup(group) => workload::workload_group(c, group),
        Spec::EnvoyFilter(_) => {}
    }
}

/// Checks an object's name.
pub(super) fn name(name: Option<&Set<String>>, at: At, findings: &mut Findings) {
    let Some(name) = name.filter(|name| !name.value.is_empty()) else {
        findings.push(
            Finding::error(Code::SchemaValidation, at)
                .missing("name")
                .what("the object has no name")
                .here("the document is not taken: it cannot be told from others")
                .istio("Kubernetes refuses it")
                .mend("write `metadata.name`"),
        );
        return;
    };
    let is_good = name.value.split('.').all(names::is_label) && name.value.len() <= 253;
    if !is_good || name.value.chars().any(|c| c.is_ascii_uppercase()) {
        findings.push(
            Finding::error(Code::SchemaValidation, name.at)
                .what(format!("`{}` cannot be a name", shorten(&name.value)))
                .here("the document is not taken")
                .istio("Kubernetes refuses it")
                .mend("use lower-case letters, digits, `-` and `.`"),
        );
    }
}
