use std::collections::HashMap;

use super::AnalysisReport;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::model::load::parsed_object::ParsedObject;

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
