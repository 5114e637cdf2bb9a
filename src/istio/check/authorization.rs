use super::Check;
use super::security::{attachment, is_account, is_empty};
use crate::istio::kinds::security::{
    Action, AuthOperation, AuthorizationPolicy, Condition, Rule, Source,
};
use crate::istio::read::{Texts, shorten};

/// The attributes of a condition that have no name in brackets.
const KEYS: [&str; 11] = [
    "connection.sni",
    "destination.ip",
    "destination.port",
    "destination.user",
    "remote.ip",
    "request.auth.audiences",
    "request.auth.presenter",
    "request.auth.principal",
    "source.ip",
    "source.namespace",
    "source.principal",
];

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
        condition(c, one, action);
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

fn condition(c: &mut Check<'_>, condition: &Condition, action: Action) {
    let key = condition.key.as_ref().map_or("", |key| key.value.as_str());
    let bracketed = |prefix: &str| {
        key.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() > 2 && rest.starts_with('[') && rest.ends_with(']'))
    };
    let is_known = KEYS.contains(&key)
        || key == "source.serviceAccount"
        || key == "source.trustDomain"
        || bracketed("request.headers")
        || bracketed("request.auth.claims")
        || key.starts_with("experimental.envoy.filters.")
            && bracketed(key.split('[').next().unwrap_or_default());
    if !is_known {
        let at = condition.key.as_ref().map_or(condition.at, |key| key.at);
        let what = format!("there is no attribute `{}`", shorten(key));
        c.refuse(at, what, "write one such as `request.headers[x-name]`");
    }
    if condition.values.is_empty() && condition.not_values.is_empty() {
        c.require(
            condition.at,
            "values",
            "the condition has no values",
            "write `values` or `notValues`",
        );
    }
    no_empty(c, &condition.values);
    no_empty(c, &condition.not_values);
    let values = condition.values.iter().chain(&condition.not_values);
    for value in values.filter(|value| !value.value.is_empty()) {
        if matches!(key, "source.ip" | "remote.ip" | "destination.ip") {
            c.subnet(value);
        } else if key == "destination.port" && !is_port(&value.value) {
            let what = format!("`{}` is no port", shorten(&value.value));
            c.refuse(value.at, what, "write a port from 1 to 65535");
        }
    }
    let authenticated = ["source.namespace", "source.principal", "request.auth."];
    if action == Action::Custom && authenticated.iter().any(|start| key.starts_with(start)) {
        let what = "a custom policy is asked before anybody is authenticated";
        c.refuse(condition.at, what, "match addresses and headers only");
    }
}

fn no_empty(c: &mut Check<'_>, texts: &Texts) {
    if let Some(text) = texts.iter().find(|text| text.value.is_empty()) {
        c.refuse(
            text.at,
            "a value is empty: it never matches",
            "write or remove it",
        );
    }
}

fn is_port(text: &str) -> bool {
    text.parse()
        .is_ok_and(|port: u32| (1..=65_535).contains(&port))
}
