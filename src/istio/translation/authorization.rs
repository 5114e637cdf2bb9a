use super::index::resource_index::ResourceIndex;
use super::index::selector::selects;
use crate::istio::api::fields::read::Texts;
use crate::istio::api::security::{
    Action as ApiAction, AuthOperation, AuthorizationPolicy as ApiPolicy, Rows, Rule as ApiRule,
    Source, TargetRef,
};
use crate::istio::config::WorkloadId;
use crate::istio::model::placed_object::PlacedObject;
use crate::istio::model::spec::Spec;
use crate::policies::authorization::{
    Action, AuthorizationPolicy, Condition, OperationMatch, Rule, SourceMatch,
};

/// The server whose policies are wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Server {
    Gateway,
    Workload,
}

/// Returns the authorization policies of a server: those of the root namespace and of its own whose selector or
/// target it is.
pub(super) fn policies(
    index: &ResourceIndex,
    server: Server,
    workload: &WorkloadId,
) -> Vec<AuthorizationPolicy> {
    let root = &*index.settings.root_namespace;
    let own = &*workload.namespace;
    let of = |namespace: &str| {
        let all = index.authorizations.iter();
        let own = all.filter(|object| object.namespace == namespace);
        let own = own.filter(|object| applies(object, server, workload, root));
        own.map(policy).collect::<Vec<_>>()
    };
    let mut all = of(root);
    if root != own {
        all.extend(of(own));
    }
    all
}

/// Returns the first policy that compares the identities of callers.
pub(super) fn first_with_identities(index: &ResourceIndex) -> Option<PlacedObject> {
    let mut all = index.authorizations.iter();
    let first = all.find(|object| policy(object).needs_peer_identity());
    first.cloned()
}

fn applies(object: &PlacedObject, server: Server, workload: &WorkloadId, root: &str) -> bool {
    // A policy without a spec is one without selector and rules.
    let Some(policy) = spec(object) else {
        return true;
    };
    let targets = || {
        policy
            .target_ref
            .iter()
            .chain(policy.target_refs.0.iter().flatten())
    };
    if targets().next().is_some() {
        return targets().any(|target| is_target(target, object, server, workload, root));
    }
    let selector = policy.selector.as_ref();
    selector.is_none_or(|selector| selects(&selector.match_labels, &workload.labels))
}

/// Returns true if a server is the target of a policy: the workload of a Service, or a gateway.
fn is_target(
    target: &TargetRef,
    object: &PlacedObject,
    server: Server,
    workload: &WorkloadId,
    root: &str,
) -> bool {
    let text = |text: &Option<crate::istio::api::fields::read::Spanned<String>>| {
        text.as_ref()
            .map_or("", |text| text.value.as_str())
            .to_owned()
    };
    let is_named =
        || text(&target.name) == *workload.name && object.namespace == *workload.namespace;
    match (text(&target.kind).as_str(), server) {
        ("Gateway", Server::Gateway) | ("Service", Server::Workload) => is_named(),
        ("GatewayClass", Server::Gateway) => object.namespace == root,
        _ => false,
    }
}

fn spec(object: &PlacedObject) -> Option<&ApiPolicy> {
    match &object.spec {
        Some(Spec::AuthorizationPolicy(policy)) => Some(policy),
        _ => None,
    }
}

/// Translates a policy.
pub(super) fn policy(object: &PlacedObject) -> AuthorizationPolicy {
    let spec = spec(object);
    let action = spec.and_then(|spec| spec.action).map(|action| action.value);
    let action = match action.unwrap_or(ApiAction::Allow) {
        ApiAction::Allow => Action::Allow,
        ApiAction::Audit => Action::Audit,
        ApiAction::Custom => Action::Custom,
        ApiAction::Deny => Action::Deny,
    };
    let provider = spec.and_then(|spec| spec.provider.as_ref()?.name.as_ref());
    let policy = match provider {
        Some(provider) if action == Action::Custom => {
            AuthorizationPolicy::custom(&*object.name, &*provider.value)
        }
        _ => AuthorizationPolicy::new(&*object.name, action),
    };
    let policy = policy
        .with_namespace(&*object.namespace)
        .with_dry_run(object.dry_run)
        .with_origin(object.origin(object.at));
    let rules = spec.and_then(|spec| spec.rules.as_ref());
    let rules = rules
        .into_iter()
        .flat_map(|rules| rules.rows.iter().flatten());
    rules.fold(policy, |policy, rule| {
        policy.with_rule(self::rule(rule, object))
    })
}

fn rule(rule: &ApiRule, object: &PlacedObject) -> Rule {
    let from = rows(rule.from.as_ref());
    let to = rows(rule.to.as_ref());
    let when = rule.when.0.iter().flatten();
    let translated = Rule::new().with_origin(object.origin(rule.at));
    let translated = from.fold(translated, |rule, from| {
        rule.from(from.source.as_ref().map_or_else(SourceMatch::new, source))
    });
    let translated = to.fold(translated, |rule, to| {
        rule.to(to
            .operation
            .as_ref()
            .map_or_else(OperationMatch::new, operation))
    });
    when.fold(translated, |rule, condition| {
        let key = condition.key.as_ref().map_or("", |key| key.value.as_str());
        let condition = Condition::new(key)
            .with_values(values(&condition.values))
            .with_not_values(values(&condition.not_values));
        rule.when(condition)
    })
}

fn rows<T>(rows: Option<&Rows<T>>) -> impl Iterator<Item = &T> {
    rows.into_iter().flat_map(|rows| rows.rows.iter().flatten())
}

fn source(source: &Source) -> SourceMatch {
    SourceMatch::new()
        .with_ip_blocks(values(&source.ip_blocks))
        .with_not_ip_blocks(values(&source.not_ip_blocks))
        .with_namespaces(values(&source.namespaces))
        .with_not_namespaces(values(&source.not_namespaces))
        .with_principals(values(&source.principals))
        .with_not_principals(values(&source.not_principals))
        .with_remote_ip_blocks(values(&source.remote_ip_blocks))
        .with_not_remote_ip_blocks(values(&source.not_remote_ip_blocks))
        .with_request_principals(values(&source.request_principals))
        .with_not_request_principals(values(&source.not_request_principals))
        .with_service_accounts(values(&source.service_accounts))
        .with_not_service_accounts(values(&source.not_service_accounts))
        .with_trust_domains(values(&source.trust_domains))
        .with_not_trust_domains(values(&source.not_trust_domains))
}

fn operation(operation: &AuthOperation) -> OperationMatch {
    OperationMatch::new()
        .with_hosts(values(&operation.hosts))
        .with_not_hosts(values(&operation.not_hosts))
        .with_methods(values(&operation.methods))
        .with_not_methods(values(&operation.not_methods))
        .with_paths(values(&operation.paths))
        .with_not_paths(values(&operation.not_paths))
        .with_ports(values(&operation.ports))
        .with_not_ports(values(&operation.not_ports))
}

fn values(texts: &Texts) -> impl Iterator<Item = &str> {
    texts.iter().map(|text| text.value.as_str())
}
