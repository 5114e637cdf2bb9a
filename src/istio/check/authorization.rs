use super::Check;
use super::condition;
use super::security::{attachment, is_account, is_empty};
use crate::istio::kinds::security::{Action, AuthOperation, AuthorizationPolicy, Rule, Source};
use crate::istio::read::{Texts, shorten};

pub(super) fn authorization_policy(c: &mut Check<'_>, policy: &AuthorizationPolicy) {
    attachment(
        c,
        policy.selector.as_ref(),
        policy.target_ref.as_ref(),
        &policy.target_refs,
    );
    let action = policy.action.map_or(Action::Allow, |action| action.value);
    if policy.rules.is_none() && matches!(action, Action::Deny | Action::Audit) {
        let what = "a policy that denies or audits needs `rules`: without them it never matches";
        c.require(
            policy.at,
            "rules",
            what,
            "write `rules: [{}]` to match everything",
        );
    }
    if action == Action::Custom {
        let provider = policy.provider.as_ref();
        if policy.rules.is_none() {
            c.require(
                policy.at,
                "rules",
                "a custom policy needs `rules`",
                "write them",
            );
        }
        if provider.is_none_or(|provider| is_empty(&provider.name)) {
            c.require(
                policy.at,
                "provider",
                "a custom policy needs a provider",
                "write `provider: {name: …}`",
            );
        }
    } else if let Some(provider) = &policy.provider {
        c.refuse(
            provider.at,
            "only a custom policy has a provider",
            "write `action: CUSTOM`",
        );
    }
    let rules = policy
        .rules
        .iter()
        .flat_map(|rules| rules.rows.iter().flatten());
    for one in rules {
        rule(c, one, action);
    }
}

fn rule(c: &mut Check<'_>, rule: &Rule, action: Action) {
    if let Some(from) = &rule.from {
        if from.rows.is_empty() {
            c.refuse(
                from.at,
                "`from` is empty: it never matches",
                "write a source, or remove it",
            );
        }
        for one in from.rows.iter().flatten() {
            match &one.source {
                Some(from) => source(c, from, action),
                None => c.require(one.at, "source", "there is no source", "write `source`"),
            }
        }
    }
    if let Some(to) = &rule.to {
        if to.rows.is_empty() {
            c.refuse(
                to.at,
                "`to` is empty: it never matches",
                "write an operation, or remove it",
            );
        }
        for one in to.rows.iter().flatten() {
            match &one.operation {
                Some(to) => operation(c, to, action),
                None => c.require(
                    one.at,
                    "operation",
                    "there is no operation",
                    "write `operation`",
                ),
            }
        }
    }
    for one in rule.when.0.iter().flatten() {
        condition::condition(c, one, action);
    }
}

fn source(c: &mut Check<'_>, source: &Source, action: Action) {
    let addresses = [
        &source.ip_blocks,
        &source.not_ip_blocks,
        &source.remote_ip_blocks,
        &source.not_remote_ip_blocks,
    ];
    let accounts = [&source.service_accounts, &source.not_service_accounts];
    let names = [
        &source.principals,
        &source.not_principals,
        &source.namespaces,
        &source.not_namespaces,
        &source.request_principals,
        &source.not_request_principals,
        &source.trust_domains,
        &source.not_trust_domains,
    ];
    let all = names.iter().chain(&addresses).chain(&accounts);
    let is_empty = all.clone().all(|texts| texts.is_empty());
    if is_empty {
        c.refuse(source.at, "the source is empty", "write what it must be");
    }
    for texts in all {
        no_empty(c, texts);
    }
    for address in addresses
        .into_iter()
        .flatten()
        .filter(|a| !a.value.is_empty())
    {
        c.subnet(address);
    }
    for account in accounts
        .into_iter()
        .flatten()
        .filter(|a| !a.value.is_empty())
    {
        if !is_account(&account.value) {
            let what = format!("`{}` is no service account", shorten(&account.value));
            c.refuse(account.at, what, "write `namespace/name`");
        }
    }
    let has_accounts = accounts.iter().any(|texts| !texts.is_empty());
    if has_accounts && names[..4].iter().any(|texts| !texts.is_empty()) {
        let what = "service accounts do not go together with namespaces or principals";
        c.refuse(source.at, what, "keep one of them");
    }
    let custom = names[..4]
        .iter()
        .chain(&names[4..6])
        .any(|texts| !texts.is_empty());
    if action == Action::Custom && custom {
        let what = "a custom policy is asked before anybody is authenticated";
        c.refuse(source.at, what, "match `ipBlocks` and `to` only");
    }
}

fn operation(c: &mut Check<'_>, operation: &AuthOperation, action: Action) {
    let ports = [&operation.ports, &operation.not_ports];
    let http = [
        &operation.hosts,
        &operation.not_hosts,
        &operation.methods,
        &operation.not_methods,
        &operation.paths,
        &operation.not_paths,
    ];
    let all = http.iter().chain(&ports);
    if all.clone().all(|texts| texts.is_empty()) {
        c.refuse(
            operation.at,
            "the operation is empty",
            "write what it must be",
        );
    }
    for texts in all {
        no_empty(c, texts);
    }
    for port in ports.into_iter().flatten().filter(|p| !p.value.is_empty()) {
        if !is_port(&port.value) {
            let what = format!("`{}` is no port", shorten(&port.value));
            c.refuse(port.at, what, "write a port from 1 to 65535");
        }
    }
    for path in operation.paths.iter().chain(&operation.not_paths) {
        // A template has `{*}` for one segment and `{**}` for any number, alone in their segment.
        let is_bad =
            |segment: &str| segment.contains(['{', '}']) && segment != "{*}" && segment != "{**}";
        let mixes = path.value.contains("{*")
            && path
                .value
                .replace("{*}", "")
                .replace("{**}", "")
                .contains('*');
        if path.value.split('/').any(is_bad) || mixes {
            let what = format!("`{}` is no template of a path", shorten(&path.value));
            c.refuse(
                path.at,
                what,
                "write `{*}` or `{**}` as a segment of its own",
            );
        }
    }
    let is_http = http.iter().any(|texts| !texts.is_empty());
    if action == Action::Deny && is_http && operation.ports.is_empty() {
        let what = "on a port that is not HTTP this denies everything";
        c.warn(operation.at, what, "nothing is denied", "write `ports` too");
    }
}

pub(super) fn no_empty(c: &mut Check<'_>, texts: &Texts) {
    if let Some(text) = texts.iter().find(|text| text.value.is_empty()) {
        c.refuse(
            text.at,
            "a value is empty: it never matches",
            "write or remove it",
        );
    }
}

pub(super) fn is_port(text: &str) -> bool {
    text.parse()
        .is_ok_and(|port: u32| (1..=65_535).contains(&port))
}
