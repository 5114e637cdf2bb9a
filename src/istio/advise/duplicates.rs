use std::collections::HashMap;

use super::Advice;
use crate::istio::code::Code;
use crate::istio::finding::Finding;
use crate::istio::load::Unit;

/// Two documents that are one object: the second would replace the first.
pub(super) fn duplicates(units: &[Unit], advice: &mut Advice) {
    let mut seen = HashMap::new();
    for (index, unit) in units.iter().enumerate() {
        let object = &unit.object;
        if object.name.is_empty() {
            continue;
        }
        let key = (object.kind, &object.namespace, &object.name);
        let Some(first) = seen.get(&key) else {
            seen.insert(key, unit);
            continue;
        };
        let first: &Unit = first;
        advice.push(
            index,
            Finding::error(Code::DuplicateObject, object.at)
                .what(format!("{} {}/{} is there twice", key.0, key.1, key.2))
                .here("the document is not taken: it cannot be known which one is meant")
                .istio("Kubernetes keeps whichever is applied last, and nothing of the other")
                .mend("give one of them another name or namespace, or remove it")
                .also_there(first.place()),
        );
    }
}
