use super::authorization::reject_empty_items;
use super::operation::is_port;
use crate::istio::api::security::{Action, Condition};
use crate::istio::syntax::shorten::shorten;
use crate::istio::validation::Validator;
use crate::istio::validation::names::is_header_name;

/// The attributes of a condition without a name in brackets.
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

pub(in crate::istio::validation) fn condition(
    c: &mut Validator<'_>,
    condition: &Condition,
    action: Action,
) {
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
        let message = format!("there is no attribute `{}`", shorten(key));
        c.reject(at, message, "write one such as `request.headers[x-name]`");
    }
    let header = key.strip_prefix("request.headers[");
    let header = header.and_then(|rest| rest.strip_suffix(']'));
    if let Some(name) = header.filter(|name| !is_header_name(name.trim_start_matches(':'))) {
        let at = condition.key.as_ref().map_or(condition.at, |key| key.at);
        let message = format!("`{}` is no header's name", shorten(name));
        c.reject(at, message, "use letters, digits, `-` and `_`");
    }
    if condition.values.is_empty() && condition.not_values.is_empty() {
        c.require(
            condition.at,
            "values",
            "the condition has no values",
            "write `values` or `notValues`",
        );
    }
    reject_empty_items(c, &condition.values);
    reject_empty_items(c, &condition.not_values);
    let values = condition.values.iter().chain(&condition.not_values);
    for value in values.filter(|value| !value.value.is_empty()) {
        if matches!(key, "source.ip" | "remote.ip" | "destination.ip") {
            c.subnet(value);
        } else if key == "destination.port" && !is_port(&value.value) {
            let message = format!("`{}` is no port", shorten(&value.value));
            c.reject(value.at, message, "write a port from 1 to 65535");
        }
    }
    let authenticated = [
        "source.namespace",
        "source.principal",
        "source.serviceAccount",
        "request.auth.",
    ];
    if action == Action::Custom && authenticated.iter().any(|start| key.starts_with(start)) {
        let message = "a custom policy is asked before anybody is authenticated";
        c.reject(condition.at, message, "match addresses and headers only");
    }
}
