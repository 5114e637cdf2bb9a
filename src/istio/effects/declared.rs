//! Findings about fields whose declaration says that they have no effect.

use super::CoverageReport;
use crate::istio::api::fields::descriptor::declaration::Report;
use crate::istio::api::fields::descriptor::{FieldDescriptor, TypeDescriptor, each_message};
use crate::istio::api::fields::read::camel;
use crate::istio::syntax::tree::{NodeId, Tree};

/// Reports the fields of a message, and of those in it, except in the messages `left_out`.
pub(super) fn declared(
    of: &'static TypeDescriptor,
    at: NodeId,
    left_out: &[NodeId],
    tree: &Tree,
    idle: &mut CoverageReport<'_>,
) {
    each_message(tree, at, of, &mut |message, of| {
        if left_out.iter().any(|left_out| left_out.is(message)) {
            return false;
        }
        let all = of.fields.iter();
        let mut all: Vec<_> = all
            .filter_map(|field| found(field, message, tree))
            .collect();
        if let Some(one) = all.iter().position(|(.., report)| report.is_for_all) {
            all = vec![all[one]];
        }
        for (at, field, report) in all {
            // Both forms of a name of Envoy's are valid, so it is the one in the document.
            let own = || {
                tree.key(at)
                    .map_or_else(|| camel(field.name), str::to_owned)
            };
            let name = report.name.map_or_else(own, str::to_owned);
            match report.help {
                Some(help) => idle.warn(at, &name, report.effect, help),
                None => idle.note(at, &name, report.effect),
            }
        }
        true
    });
}

fn found(
    field: &'static FieldDescriptor,
    message: NodeId,
    tree: &Tree,
) -> Option<(NodeId, &'static FieldDescriptor, Report)> {
    let report = field.declaration.report?;
    let at = field.find(tree, message)?;
    let holds = report.when.holds(tree, at);
    holds.then(|| (FieldDescriptor::first(tree, at), field, report))
}
