//! Coverage of Istio's fields, as they are declared in `api`: the tables of `docs/istio-support.md`, and tests
//! that hold the declarations to the code and to Istio's CRDs.
//!
//! Update the page with `BLESS=1 cargo test --all-features --lib istio::coverage`.

mod crds;
mod render;
mod samples;
mod tests;

use std::collections::HashMap;

use samples::Sample;

use crate::istio::api::envoy_filter::EnvoyFilter;
use crate::istio::api::fields::descriptor::declaration::Support;
use crate::istio::api::fields::descriptor::{FieldDescriptor, TypeDescriptor};
use crate::istio::api::fields::read::{Read, camel};
use crate::istio::api::local_rate_limit::LocalRateLimit;
use crate::istio::model::kind::Kind;
use crate::istio::model::spec::Spec;

/// The fields of one kind, and documents that demonstrate their support.
#[derive(Clone, Copy, Debug)]
struct Table {
    title: &'static str,
    of: &'static TypeDescriptor,
    /// Path of the fields in a document.
    prefix: &'static str,
    samples: &'static str,
}

/// A field in a table.
#[derive(Debug)]
struct Row {
    path: String,
    field: &'static FieldDescriptor,
    /// The fields of its message.
    beside: &'static [FieldDescriptor],
    /// The path of the first field with the same message, whose fields are listed there.
    same_as: Option<String>,
    /// True if no fields of its own are listed.
    is_leaf: bool,
}

const TABLES: [Table; 8] = [
    table(
        Kind::VirtualService,
        include_str!("samples/virtual_service.yaml"),
    ),
    table(
        Kind::DestinationRule,
        include_str!("samples/destination_rule.yaml"),
    ),
    table(
        Kind::ServiceEntry,
        include_str!("samples/service_entry.yaml"),
    ),
    table(Kind::Gateway, include_str!("samples/gateway.yaml")),
    table(
        Kind::AuthorizationPolicy,
        include_str!("samples/authorization_policy.yaml"),
    ),
    table(
        Kind::RequestAuthentication,
        include_str!("samples/request_authentication.yaml"),
    ),
    Table {
        title: "EnvoyFilter (local rate limit only)",
        of: EnvoyFilter::TYPE,
        prefix: "spec.",
        samples: include_str!("samples/envoy_filter.yaml"),
    },
    Table {
        title: "The local rate limit of EnvoyFilter (`envoy.filters.http.local_ratelimit`), in snake case as well",
        of: LocalRateLimit::TYPE,
        prefix: "spec.configPatches.patch.value.typedConfig.",
        samples: include_str!("samples/local_rate_limit.yaml"),
    },
];

const fn table(kind: Kind, samples: &'static str) -> Table {
    Table {
        title: kind.as_str(),
        of: Spec::descriptor(kind),
        prefix: "spec.",
        samples,
    }
}

impl Table {
    /// Returns every field, except those of messages that are listed already or are one thing as a whole.
    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        walk(self.of, "", &mut HashMap::new(), &mut rows);
        rows
    }

    /// Returns the samples of this name: `enforced`, `noted` or `rejected`.
    fn samples(&self, name: &str) -> Vec<Sample> {
        let text = format!("metadata: {{name: {name}}}\n");
        let documents = self.samples.split("---\n");
        let documents = documents.filter(|document| document.contains(&text));
        documents
            .map(|document| Sample::of(self, document))
            .collect()
    }
}

fn walk(
    of: &'static TypeDescriptor,
    prefix: &str,
    seen: &mut HashMap<&'static str, String>,
    rows: &mut Vec<Row>,
) {
    for field in of.fields {
        let path = format!("{prefix}{}", camel(field.name));
        let is_whole = !matches!(field.declaration.support, Support::Enforced(_));
        let is_message = !field.of.fields.is_empty() && !is_whole;
        let same_as = seen.get(field.of.name).filter(|_| is_message).cloned();
        let is_listed = is_message && same_as.is_none();
        rows.push(Row {
            path: path.clone(),
            field,
            beside: of.fields,
            same_as,
            is_leaf: !is_message,
        });
        if is_listed {
            seen.insert(field.of.name, path.clone());
            walk(field.of, &format!("{path}."), seen, rows);
        }
    }
}
