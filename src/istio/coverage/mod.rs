//! Which field does what: one table, which the README prints and tests hold to the code.
//!
//! Rewrite the README's part with `BLESS=1 cargo test --all-features --lib istio::support`.

mod destination_rule;
mod envoy_filter;
mod gateway;
mod local_rate_limit;
mod render;
mod service_entry;
mod shape;
mod tests;
mod virtual_service;

pub(super) use shape::{NamedMessage, Shape};

use crate::istio::diagnostics::code::Code;

/// What is done with a field.
#[derive(Clone, Copy, Debug)]
enum Support {
    /// It acts; what is to be known of it, if anything.
    Enforced(&'static str),
    /// It is read, and a finding of this code tells of it; at that field, if not at its own.
    Noted(Code, &'static str),
    /// A document that has it is refused.
    Rejected,
    /// There is nothing to enforce: why.
    Void(&'static str),
}

const ENFORCED: Support = Support::Enforced("");
const NOTED: Support = Support::Noted(Code::FieldWithoutEffect, "");

/// The fields of one kind, and documents that show what becomes of them.
#[derive(Clone, Copy, Debug)]
struct Table {
    title: &'static str,
    kind: &'static str,
    root: fn() -> Vec<NamedMessage>,
    /// What a spec stands in, at `SPEC`.
    around: &'static str,
    /// The path of what stands at `SPEC`.
    prefix: &'static str,
    /// By path, in the order of Istio's own messages.
    rows: &'static [(&'static str, Support)],
    /// Specs in which each field acts.
    enforced: &'static [&'static str],
    /// Specs with fields that are told of.
    noted: &'static [&'static str],
    /// Specs that are refused.
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
