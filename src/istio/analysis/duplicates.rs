use std::collections::HashMap;

use super::AnalysisReport;
use super::context::full;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::model::load::parsed_object::ParsedObject;
use crate::istio::model::spec::Spec;
use crate::istio::syntax::shorten::shorten;

/// Reports two documents for one object: the second would replace the first.
pub(super) fn duplicates(units: &[ParsedObject], advice: &mut AnalysisReport) {
    let mut seen = HashMap::new();
    for (index, parsed) in units.iter().enumerate() {
        let object = &parsed.object;
        if object.name.is_empty() {
            continue;
        }
        let key = (object.kind, &object.namespace, &object.name);
        let Some(first) = seen.get(&key) else {
            seen.insert(key, parsed);
            continue;
        };
        let first: &ParsedObject = first;
        advice.push(
            index,
            Finding::error(Code::DuplicateObject, object.at)
                .message(format!("duplicate {} {}/{}", key.0, key.1, key.2))
                .effect("the document is rejected: it is ambiguous")
                .in_istio("Kubernetes keeps only the one that is applied last")
                .help("rename one of them, or remove it")
                .also_there(first.location()),
        );
    }
}

/// Reports a subset that two rules of one namespace define for one host: Istio merges the rules, and the first
/// definition applies.
pub(super) fn subsets(units: &[ParsedObject], advice: &mut AnalysisReport) {
    let mut seen: HashMap<_, &ParsedObject> = HashMap::new();
    for (index, parsed) in units.iter().enumerate() {
        let Some(Spec::DestinationRule(rule)) = &parsed.object.spec else {
            continue;
        };
        // Rules that select workloads apply apart from each other.
        let Some(host) = rule
            .host
            .as_ref()
            .filter(|_| rule.workload_selector.is_none())
        else {
            continue;
        };
        let namespace = parsed.object.namespace.as_str();
        let host = full(&host.value, namespace).to_ascii_lowercase();
        for subset in rule.subsets.0.iter().flatten() {
            let Some(name) = &subset.name else { continue };
            let key = (namespace, host.clone(), name.value.as_str());
            let first = *seen.entry(key).or_insert(parsed);
            if std::ptr::eq(first, parsed) {
                continue;
            }
            let message = format!("subset `{}` is defined by two rules", shorten(&name.value));
            advice.push(
                index,
                Finding::warning(Code::FieldWithoutEffect, name.at)
                    .message(message)
                    .effect("the first definition applies, in the order of creation")
                    .in_istio("the rules are merged, and this definition is dropped")
                    .help("rename it, or keep all subsets of the host in one rule")
                    .also_there(first.location()),
            );
        }
    }
}
