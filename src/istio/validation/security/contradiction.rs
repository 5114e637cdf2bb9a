//! Rules that no request can match, or that none reaches.

use crate::istio::api::fields::read::Texts;
use crate::istio::api::security::{AuthorizationPolicy, Rule};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::NodeId;
use crate::istio::validation::Validator;

/// Reports fields whose values are all excluded, and rules behind one that matches every request.
pub(super) fn contradictions(c: &mut Validator<'_>, policy: &AuthorizationPolicy) {
    let rules = policy
        .rules
        .iter()
        .flat_map(|rules| rules.rows.iter().flatten());
    let mut first_of_all: Option<&Rule> = None;
    for rule in rules {
        if let Some(first) = first_of_all {
            let finding = ineffective(rule.at)
                .message("no request reaches this rule: an earlier one matches them all")
                .also(first.at)
                .help("remove one of the two");
            c.findings.push(finding);
        }
        if rule.from.is_none() && rule.to.is_none() && rule.when.0.is_empty() {
            first_of_all = first_of_all.or(Some(rule));
        }
        for (wanted, excluded) in fields(rule) {
            let is_excluded = |value: &str| excluded.iter().any(|not| covers(&not.value, value));
            let Some(first) = wanted.first() else {
                continue;
            };
            if wanted.iter().all(|value| is_excluded(&value.value)) {
                let message = format!(
                    "no request matches: `{}` and all values beside it are excluded",
                    shorten(&first.value)
                );
                let finding = ineffective(first.at).message(message);
                c.findings
                    .push(finding.help("remove the values, or those that exclude them"));
            }
        }
    }
}

fn ineffective(at: NodeId) -> Finding {
    Finding::warning(Code::Ineffective, at)
        .effect("the rule has no effect")
        .in_istio("Istio accepts it, and it has no effect")
}

/// Returns true if every text that `value` matches is one that `pattern` matches.
fn covers(pattern: &str, value: &str) -> bool {
    if pattern == "*" || pattern == value {
        return true;
    }
    let is_open = |end: bool| {
        if end {
            value.ends_with('*')
        } else {
            value.starts_with('*')
        }
    };
    if let Some(prefix) = pattern.strip_suffix('*') {
        return !is_open(false) && value.trim_end_matches('*').starts_with(prefix);
    }
    let suffix = pattern.strip_prefix('*');
    suffix.is_some_and(|suffix| !is_open(true) && value.trim_start_matches('*').ends_with(suffix))
}

/// Returns the fields of a rule, each with the values that it excludes. Networks and templates are compared as texts.
fn fields(rule: &Rule) -> Vec<(&Texts, &Texts)> {
    let mut all: Vec<(&Texts, &Texts)> = Vec::new();
    let sources = rule.from.iter().flat_map(|from| from.rows.iter().flatten());
    for one in sources.filter_map(|from| from.source.as_ref()) {
        all.extend([
            (&one.principals, &one.not_principals),
            (&one.request_principals, &one.not_request_principals),
            (&one.namespaces, &one.not_namespaces),
            (&one.ip_blocks, &one.not_ip_blocks),
            (&one.remote_ip_blocks, &one.not_remote_ip_blocks),
            (&one.service_accounts, &one.not_service_accounts),
            (&one.trust_domains, &one.not_trust_domains),
        ]);
    }
    let operations = rule.to.iter().flat_map(|to| to.rows.iter().flatten());
    for one in operations.filter_map(|to| to.operation.as_ref()) {
        all.extend([
            (&one.hosts, &one.not_hosts),
            (&one.methods, &one.not_methods),
            (&one.paths, &one.not_paths),
            (&one.ports, &one.not_ports),
        ]);
    }
    for one in rule.when.0.iter().flatten() {
        all.push((&one.values, &one.not_values));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_matches_no_other_text() {
        for (pattern, value, expected) in [
            ("*", "a*", true),
            ("a", "a", true),
            ("a*", "ab", true),
            ("a*", "ab*", true),
            ("ab*", "a*", false),
            ("a*", "*a", false),
            ("*b", "ab", true),
            ("*b", "*ab", true),
            ("*b", "b*", false),
            ("a", "a*", false),
        ] {
            assert_eq!(covers(pattern, value), expected, "{pattern} {value}");
        }
    }
}
