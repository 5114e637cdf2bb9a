pub(in crate::istio::validation) mod authorization;
pub(in crate::istio::validation) mod condition;
mod contradiction;
pub(in crate::istio::validation) mod operation;
pub(in crate::istio::validation) mod selector;

use super::Validator;
use super::names::{is_header_name, is_label, is_token};
use crate::istio::api::destination_rule::Selector;
#[cfg(feature = "jwt")]
use crate::istio::api::fields::read::Spanned;
use crate::istio::api::fields::read::{Nullable, Text};
use crate::istio::api::security::{JwtRule, PeerAuthentication, RequestAuthentication, TargetRef};
use crate::istio::syntax::shorten::shorten;

/// Kinds that a policy can be attached to.
const TARGETS: [(&str, &str); 5] = [
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"),
    ("", "Service"),
    ("core", "Service"),
    ("networking.istio.io", "ServiceEntry"),
];

pub(super) fn peer_authentication(c: &mut Validator<'_>, peer: &PeerAuthentication) {
    selector(c, peer.selector.as_ref());
    let Some(ports) = &peer.port_level_mtls else {
        return;
    };
    if ports.ports.is_empty() {
        c.reject(
            ports.at,
            "`portLevelMtls` names no port",
            "name one, or remove it",
        );
    }
    let selects = peer
        .selector
        .as_ref()
        .is_some_and(|s| !s.match_labels.is_empty());
    if !selects {
        let message = "`portLevelMtls` needs a `selector`: ports are a workload's";
        c.reject(ports.at, message, "write `selector` with `matchLabels`");
    }
    for (port, _) in &ports.ports {
        if !port
            .value
            .parse()
            .is_ok_and(|port: u32| (1..=65_535).contains(&port))
        {
            let message = format!("`{}` is no port", shorten(&port.value));
            c.reject(port.at, message, "write a port from 1 to 65535");
        }
    }
}

pub(super) fn request_authentication(c: &mut Validator<'_>, request: &RequestAuthentication) {
    attachment(
        c,
        request.selector.as_ref(),
        request.target_ref.as_ref(),
        &request.target_refs,
    );
    for rule in &request.jwt_rules.0 {
        match rule {
            Some(rule) => jwt_rule(c, rule),
            None => c.reject(
                request.at,
                "a rule of `jwtRules` is null",
                "write or remove it",
            ),
        }
    }
}

fn jwt_rule(c: &mut Validator<'_>, rule: &JwtRule) {
    if is_empty(&rule.issuer) && is_empty(&rule.jwks_uri) {
        let message = "the rule has no issuer and no `jwksUri`";
        c.require(rule.at, "issuer", message, "write `issuer`");
    }
    if rule
        .audiences
        .iter()
        .any(|audience| audience.value.is_empty())
    {
        c.reject(rule.at, "an audience is empty", "write or remove it");
    }
    if let Some(uri) = rule.jwks_uri.as_ref().filter(|uri| !uri.value.is_empty()) {
        let rest = ["http://", "https://"]
            .iter()
            .find_map(|s| uri.value.strip_prefix(s));
        let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
        if authority.is_none_or(|authority| authority.is_empty() || authority.starts_with(':')) {
            let message = "this is no URL with http or https";
            c.reject(uri.at, message, "write `https://…`");
        } else if !authority.is_some_and(has_good_port) {
            c.reject(
                uri.at,
                "the URL's port is no number",
                "write a number, or none",
            );
        }
        if !is_empty(&rule.jwks) {
            let message = "a rule has one of `jwksUri` and `jwks`";
            c.reject(uri.at, message, "keep one of them");
        }
    }
    if let Some(keys) = &rule.jwks {
        let is_json = keys.value.trim_start().starts_with('{') && keys.value.contains("\"keys\"");
        if !keys.value.is_empty() && !is_json {
            c.reject(
                keys.at,
                "this is not a JSON Web Key Set",
                "write `{\"keys\": […]}`",
            );
        // RFC 7518 6: private and symmetric members of a JSON Web Key.
        } else if ["\"d\"", "\"p\"", "\"k\""]
            .iter()
            .any(|part| keys.value.contains(part))
        {
            let message = "the keys hold a private key";
            c.warn(
                keys.at,
                message,
                "nothing is done with it",
                "keep the public part only",
            );
        }
        #[cfg(feature = "jwt")]
        usable_keys(c, keys, is_json);
    }
    let from = rule.from_headers.0.iter().flatten();
    for text in from
        .filter_map(|place| place.name.as_ref())
        .chain(&rule.output_payload_to_header)
    {
        if !text.value.is_empty() && !is_token(&text.value) {
            let message = format!("`{}` is no header's name", shorten(&text.value));
            c.reject(text.at, message, "use letters, digits, `-` and `_`");
        }
    }
    c.no_null(&rule.from_headers, rule.at, "fromHeaders");
    c.no_null(
        &rule.output_claim_to_headers,
        rule.at,
        "outputClaimToHeaders",
    );
    for text in rule
        .from_params
        .iter()
        .chain(&rule.from_cookies)
        .chain(&rule.space_delimited_claims)
    {
        if text.value.is_empty() {
            c.reject(text.at, "a name is empty", "write or remove it");
        }
    }
    for claim in rule.output_claim_to_headers.0.iter().flatten() {
        let header = claim
            .header
            .as_ref()
            .map_or("", |header| header.value.as_str());
        if !is_header_name(header) {
            let message = format!("`{}` is no header's name", shorten(header));
            c.reject(claim.at, message, "use letters, digits, `-` and `_`");
        }
    }
}

/// Checks that a key of the set can verify a token: Envoy refuses the whole configuration otherwise.
#[cfg(feature = "jwt")]
fn usable_keys(c: &mut Validator<'_>, keys: &Spanned<String>, is_json: bool) {
    use crate::policies::jwt::{Jwks, JwksError};
    match Jwks::from_json(&keys.value) {
        // Said of the text above, or nothing about the keys.
        Ok(_) | Err(JwksError::NoCryptoProvider) => {}
        Err(_) if !is_json => {}
        Err(error) => c.reject(
            keys.at,
            format!("the keys verify no token: {error}"),
            "write the keys that the issuer publishes",
        ),
    }
}

/// Says whether the port of an authority is a number, or is not there.
fn has_good_port(authority: &str) -> bool {
    let host = authority.rsplit('@').next().unwrap_or_default();
    let after = host.rsplit(']').next().unwrap_or_default();
    let port = after.rsplit_once(':').map_or("", |(_, port)| port);
    port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Checks what a policy is for: a selector or references, not both.
pub(super) fn attachment(
    c: &mut Validator<'_>,
    by_labels: Option<&Selector>,
    one: Option<&TargetRef>,
    many: &Nullable<TargetRef>,
) {
    selector(c, by_labels);
    let ways = [by_labels.is_some(), one.is_some(), !many.0.is_empty()];
    if ways.iter().filter(|way| **way).count() > 1 {
        let at = by_labels
            .map(|selector| selector.at)
            .or_else(|| one.map(|one| one.at));
        let message = "a policy has one of `selector`, `targetRef` and `targetRefs`";
        c.reject(at.unwrap_or(c.object.at), message, "keep one of them");
    }
    for target in one.into_iter().chain(many.0.iter().flatten()) {
        target_ref(c, target);
    }
}

fn target_ref(c: &mut Validator<'_>, target: &TargetRef) {
    let text = |text: &Text| {
        text.as_ref()
            .map_or(String::new(), |text| text.value.clone())
    };
    let (group, kind) = (text(&target.group), text(&target.kind));
    if !TARGETS.contains(&(group.as_str(), kind.as_str())) {
        let message = format!(
            "a policy cannot be for `{}/{}`",
            shorten(&group),
            shorten(&kind)
        );
        c.reject(
            target.at,
            message,
            "write a Gateway, a Service or a ServiceEntry",
        );
    }
    if !is_empty(&target.namespace) {
        let message = "a policy is for its own namespace, which is not written";
        c.reject(target.at, message, "remove `namespace`");
    }
}

pub(super) fn selector(c: &mut Validator<'_>, selector: Option<&Selector>) {
    if let Some(selector) = selector {
        c.selector(&selector.match_labels, selector.at);
    }
}

pub(super) fn is_empty(text: &Text) -> bool {
    text.as_ref().is_none_or(|text| text.value.is_empty())
}

/// Returns true if a text names a service account: `name` or `namespace/name`.
pub(super) fn is_account(text: &str) -> bool {
    let (namespace, name) = text.split_once('/').unwrap_or(("default", text));
    is_label(namespace) && name.split('.').all(is_label)
}
