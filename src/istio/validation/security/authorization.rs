use super::operation::operation;
use super::{attachment, is_account, is_empty};
use super::{condition, contradiction};
use crate::istio::api::fields::read::Texts;
use crate::istio::api::security::{Action, AuthorizationPolicy, Rows, Rule, Source};
use crate::istio::syntax::shorten::shorten;
use crate::istio::validation::Validator;

pub(in crate::istio::validation) fn authorization_policy(
    c: &mut Validator<'_>,
    policy: &AuthorizationPolicy,
) {
    attachment(
        c,
        policy.selector.as_ref(),
        policy.target_ref.as_ref(),
        &policy.target_refs,
    );
    let action = policy.action.map_or(Action::Allow, |action| action.value);
    if policy.rules.is_none() && action == Action::Deny {
        let message = "a policy that denies needs `rules`: without them it never matches";
        c.require(
            policy.at,
            "rules",
            message,
            "write `rules: [{}]` to match everything",
        );
    }
    if action == Action::Custom {
        let provider = policy.provider.as_ref();
        if policy.rules.is_none() {
            c.require(
                policy.at,
                "rules",
                "a CUSTOM policy requires `rules`",
                "write them",
            );
        }
        if policy.rules.is_some() && provider.is_none_or(|provider| is_empty(&provider.name)) {
            c.require(
                policy.at,
                "provider",
                "a CUSTOM policy requires a provider",
                "write `provider: {name: …}`",
            );
        }
    } else if let Some(provider) = &policy.provider {
        c.reject(
            provider.at,
            "only a CUSTOM policy has a provider",
            "write `action: CUSTOM`",
        );
    }
    let Some(rules) = &policy.rules else { return };
    no_null(c, rules);
    for one in rules.rows.iter().flatten() {
        rule(c, one, action);
    }
    contradiction::contradictions(c, policy);
}

/// Says whether a source is of what a connection has without HTTP.
fn is_for_tcp(source: Option<&Source>) -> bool {
    source.is_some_and(|source| {
        [
            &source.principals,
            &source.not_principals,
            &source.namespaces,
            &source.not_namespaces,
            &source.ip_blocks,
            &source.not_ip_blocks,
            &source.remote_ip_blocks,
            &source.not_remote_ip_blocks,
            &source.service_accounts,
            &source.not_service_accounts,
            &source.trust_domains,
            &source.not_trust_domains,
        ]
        .iter()
        .any(|texts| !texts.is_empty())
    })
}

fn no_null<T>(c: &mut Validator<'_>, rows: &Rows<T>) {
    if rows.rows.iter().any(Option::is_none) {
        c.reject(rows.at, "an item of the list is null", "write or remove it");
    }
}

fn rule(c: &mut Validator<'_>, rule: &Rule, action: Action) {
    if let Some(from) = &rule.from {
        if from.rows.is_empty() {
            c.reject(
                from.at,
                "`from` is empty: it never matches",
                "write a source, or remove it",
            );
        }
        no_null(c, from);
        for one in from.rows.iter().flatten() {
            if let Some(from) = &one.source {
                source(c, from, action);
            }
        }
    }
    if let Some(to) = &rule.to {
        if to.rows.is_empty() {
            c.reject(
                to.at,
                "`to` is empty: it never matches",
                "write an operation, or remove it",
            );
        }
        no_null(c, to);
        for one in to.rows.iter().flatten() {
            if let Some(to) = &one.operation {
                operation(c, to, action);
            }
        }
    }
    c.no_null(&rule.when, rule.at, "when");
    if action == Action::Deny
        && rule.to.is_none()
        && let Some(from) = &rule.from
        && from.rows.iter().flatten().any(|one| one.source.is_some())
        && !from
            .rows
            .iter()
            .flatten()
            .any(|one| is_for_tcp(one.source.as_ref()))
    {
        let message = "on a port that is not HTTP this denies everything";
        c.warn(
            from.at,
            message,
            "nothing is denied",
            "write `to` with `ports`",
        );
    }
    for one in rule.when.0.iter().flatten() {
        condition::condition(c, one, action);
    }
}

fn source(c: &mut Validator<'_>, source: &Source, action: Action) {
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
        c.reject(source.at, "the source is empty", "write a value");
    }
    for texts in all {
        reject_empty_items(c, texts);
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
            let message = format!("`{}` is no service account", shorten(&account.value));
            c.reject(account.at, message, "write `namespace/name`");
        }
    }
    let has_accounts = accounts.iter().any(|texts| !texts.is_empty());
    if has_accounts && names[..4].iter().any(|texts| !texts.is_empty()) {
        let message = "service accounts do not go together with namespaces or principals";
        c.reject(source.at, message, "keep one of them");
    }
    let custom = has_accounts || names[..6].iter().any(|texts| !texts.is_empty());
    if action == Action::Custom && custom {
        let message = "a custom policy is asked before anybody is authenticated";
        c.reject(source.at, message, "match `ipBlocks` and `to` only");
    }
}

pub(in crate::istio::validation) fn reject_empty_items(c: &mut Validator<'_>, texts: &Texts) {
    if let Some(text) = texts.iter().find(|text| text.value.is_empty()) {
        c.reject(
            text.at,
            "a value is empty: it never matches",
            "write or remove it",
        );
    }
}
