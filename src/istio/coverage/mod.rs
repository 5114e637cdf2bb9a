//! Support table of all fields, printed in `docs/istio-support.md` and checked against the code by tests.
//!
//! Update the page with `BLESS=1 cargo test --all-features --lib istio::coverage`.

mod destination_rule;
mod envoy_filter;
mod gateway;
mod local_rate_limit;
mod render;
mod service_entry;
mod tests;
mod virtual_service;

use crate::istio::api::fields::shape::{NamedMessage, Shape};
use crate::istio::diagnostics::code::Code;

/// Level of support of a field.
#[derive(Clone, Copy, Debug)]
enum Support {
    /// The field is enforced; with a remark, if any.
    Enforced(&'static str),
    /// The field has no effect, and is reported by a finding with this code, at this path if not at
    /// the field itself.
    Noted(Code, &'static str),
    /// A document with this field is rejected.
    Rejected,
    /// The field needs no enforcement, for this reason.
    Void(&'static str),
}

const ENFORCED: Support = Support::Enforced("");
const NOTED: Support = Support::Noted(Code::FieldWithoutEffect, "");

/// The fields of one kind, and documents that demonstrate their support.
#[derive(Clone, Copy, Debug)]
struct Table {
    title: &'static str,
    kind: &'static str,
    root: fn() -> Vec<NamedMessage>,
    /// The document around a spec, with the placeholder `SPEC`.
    around: &'static str,
    /// The path of the placeholder.
    prefix: &'static str,
    /// Fields by path, in the order of Istio's messages.
    rows: &'static [(&'static str, Support)],
    /// Specs in which each enforced field is set.
    enforced: &'static [&'static str],
    /// Specs with fields that are reported.
    noted: &'static [&'static str],
    /// Specs that are rejected.
    rejected: &'static [&'static str],
}

const TABLES: [Table; 6] = [
    virtual_service::TABLE,
    destination_rule::TABLE,
    service_entry::TABLE,
    gateway::TABLE,
    envoy_filter::TABLE,
    local_rate_limit::TABLE,
];
