use super::super::Advice;
use super::super::world::World;
use crate::istio::code::Code;
use crate::istio::finding::Finding;
use crate::istio::kinds::security::AuthorizationPolicy;
use crate::istio::nearest::misspelt;
use crate::istio::read::{Set, shorten};

/// Namespaces that a policy names, and that are not among those that the documents show.
pub(super) fn namespaces(
    index: usize,
    policy: &AuthorizationPolicy,
    world: &World<'_>,
    advice: &mut Advice,
) {
    let known = &world.cluster.namespaces;
    if known.is_empty() {
        return;
    }
    let rules = policy
        .rules
        .iter()
        .flat_map(|rules| rules.rows.iter().flatten());
    let from = rules.flat_map(|rule| rule.from.iter().flat_map(|from| from.rows.iter().flatten()));
    for source in from.filter_map(|from| from.source.as_ref()) {
        for name in source.namespaces.iter().chain(&source.not_namespaces) {
            if !world.spend(known.len()) {
                return;
            }
            if !known.iter().any(|known| fits(&name.value, known)) {
                let near = misspelt(&name.value, known.iter().copied());
                advice.push(index, unknown(name, near));
            }
        }
    }
}

fn unknown(name: &Set<String>, near: Option<&str>) -> Finding {
    Finding::warning(Code::ReferenceNotFound, name.at)
        .what(format!("no Namespace here is `{}`", shorten(&name.value)))
        .here("the rule fits callers of no namespace that the documents show")
        .istio("`istioctl analyze` reports it, unless the cluster has the namespace")
        .mend(near.map_or_else(
            || "name a namespace that there is, or add its document".to_owned(),
            |near| format!("did you mean `{near}`?"),
        ))
}

fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => pattern.eq_ignore_ascii_case(name),
    }
}
