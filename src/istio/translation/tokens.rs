use std::collections::BTreeMap;

use http::HeaderName;

use super::index::object_ref::ObjectRef;
use super::index::resource_index::ResourceIndex;
use super::index::selector::selects;
use crate::istio::api::fields::read::{Text, Texts};
use crate::istio::api::security::{JwtRule, Presence, RequestAuthentication};
use crate::istio::config::{KeysConfig, TokenRuleConfig};

/// Returns the rules about tokens for a workload, in the order of their issuers: of the policies of the root namespace and of its
/// own, those whose selector has its labels, or that have none.
pub(super) fn tokens(
    index: &ResourceIndex,
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> Vec<TokenRuleConfig> {
    let root = &*index.settings.root_namespace;
    let of = |namespace: &str| {
        let policies = index.authentications.iter();
        let policies = policies.filter(|policy| policy.namespace() == namespace);
        policies
            .filter(|policy| is_for(policy, labels))
            .flat_map(|policy| {
                let rules = policy.jwt_rules.0.iter().flatten();
                rules.map(|rule| config(policy, rule))
            })
            .collect::<Vec<_>>()
    };
    let mut rules = of(root);
    if namespace != root {
        rules.extend(of(namespace));
    }
    // As Istio does; stable, so that of one issuer the root namespace and the oldest policy come first.
    rules.sort_by(|one, two| one.issuer.cmp(&two.issuer));
    rules
}

fn is_for(policy: &RequestAuthentication, labels: &BTreeMap<String, String>) -> bool {
    // Those are for the Gateway API's gateways and for waypoints, which are not here.
    if policy.target_ref.is_some() || !policy.target_refs.0.is_empty() {
        return false;
    }
    let selector = policy.selector.as_ref();
    selector.is_none_or(|selector| selects(&selector.match_labels, labels))
}

fn config(policy: &ObjectRef<RequestAuthentication>, rule: &JwtRule) -> TokenRuleConfig {
    let headers = rule.from_headers.0.iter().flatten();
    let claims = rule.output_claim_to_headers.0.iter().flatten();
    TokenRuleConfig {
        audiences: texts(&rule.audiences),
        claim_headers: claims
            .filter_map(|one| Some((text(&one.claim).into(), header(&one.header)?)))
            .collect(),
        cookies: texts(&rule.from_cookies),
        forwards_token: rule.forward_original_token.is_some_and(|flag| flag.value),
        headers: headers
            .filter_map(|place| Some((header(&place.name)?, text(&place.prefix).into())))
            .collect(),
        issuer: text(&rule.issuer).into(),
        keys: match (text(&rule.jwks), text(&rule.jwks_uri)) {
            ("", "") => KeysConfig::Discovery(text(&rule.issuer).into()),
            ("", uri) => KeysConfig::Uri(uri.into()),
            (keys, _) => KeysConfig::Inline(keys.into()),
        },
        origin: policy.origin(rule.at),
        params: texts(&rule.from_params),
        payload_header: header(&rule.output_payload_to_header),
        requires_token: rule
            .presence
            .is_some_and(|presence| presence.value == Presence::Required),
        space_delimited: texts(&rule.space_delimited_claims),
        timeout: rule.timeout.map(|timeout| timeout.value),
    }
}

fn text(text: &Text) -> &str {
    text.as_ref().map_or("", |text| &text.value)
}

fn texts(texts: &Texts) -> Vec<Box<str>> {
    texts
        .iter()
        .map(|text| text.value.as_str().into())
        .collect()
}

/// Returns the name of a header; none for an invalid one, which the validation has reported.
fn header(name: &Text) -> Option<HeaderName> {
    text(name).parse().ok()
}
