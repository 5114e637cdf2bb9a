//! Evaluation of Envoy's RBAC filter, by the documentation of its messages.

use std::net::IpAddr;

use ipnet::IpNet;
use regex::Regex;
use serde_json::Value;

use super::caller::Caller;

/// Characters of a segment that a wildcard of Envoy's `uri_template` stands for.
const SEGMENT: &str = r"a-zA-Z0-9\-._~%!$&'()+,;:@";

/// A request as the filter sees it: the caller, and its path in the normal form, without a query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) caller: &'a Caller,
    pub(super) path: &'a str,
}

/// Decides by filters, one after another.
pub(super) fn is_allowed(filters: &[Value], seen: Seen<'_>) -> bool {
    filters.iter().all(|filter| {
        let rules = &filter["typedConfig"]["rules"];
        if rules.is_null() {
            return true;
        }
        let policies = rules["policies"].as_object();
        let mut policies = policies.into_iter().flat_map(serde_json::Map::values);
        let matches = policies.any(|policy| {
            let permissions = items(&policy["permissions"]).any(|one| permission(one, seen));
            permissions && items(&policy["principals"]).any(|one| principal(one, seen))
        });
        // The action ALLOW is the default of the enum.
        matches == (rules["action"].as_str().unwrap_or("ALLOW") == "ALLOW")
    })
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// Returns the one member of a message with a choice.
fn choice(value: &Value) -> (&str, &Value) {
    let mut members = value.as_object().unwrap().iter();
    let (name, value) = members.next().unwrap();
    (name, value)
}

fn permission(one: &Value, seen: Seen<'_>) -> bool {
    let (kind, value) = choice(one);
    match kind {
        "any" => value == true,
        "andRules" => items(&value["rules"]).all(|one| permission(one, seen)),
        "orRules" => items(&value["rules"]).any(|one| permission(one, seen)),
        "notRule" => !permission(value, seen),
        "header" => header(value, seen),
        "urlPath" => string(&value["path"], seen.path),
        "uriTemplate" => template(
            value["typedConfig"]["pathTemplate"].as_str().unwrap(),
            seen.path,
        ),
        "destinationPort" => *value == seen.caller.local.port(),
        "destinationIp" => range(value, seen.caller.local.ip()),
        // Without TLS the name is empty.
        "requestedServerName" => string(value, seen.caller.server_name.as_deref().unwrap_or("")),
        "metadata" => metadata(value, seen),
        kind => panic!("{kind}"),
    }
}

fn principal(one: &Value, seen: Seen<'_>) -> bool {
    let (kind, value) = choice(one);
    match kind {
        "any" => value == true,
        "andIds" => items(&value["ids"]).all(|one| principal(one, seen)),
        "orIds" => items(&value["ids"]).any(|one| principal(one, seen)),
        "notId" => !principal(value, seen),
        "authenticated" => {
            let own = seen.caller.principal.as_ref();
            own.is_some_and(|own| string(&value["principalName"], &format!("spiffe://{own}")))
        }
        "directRemoteIp" => range(value, seen.caller.peer),
        "remoteIp" => range(value, remote(seen.caller)),
        "header" => header(value, seen),
        "metadata" => metadata(value, seen),
        kind => panic!("{kind}"),
    }
}

/// The last hop that is forwarded, or the peer: a sidecar does not use the remote address.
fn remote(caller: &Caller) -> IpAddr {
    let forwarded = caller
        .headers
        .iter()
        .find(|(name, _)| name == "x-forwarded-for");
    let last = forwarded.and_then(|(_, value)| value.rsplit(',').next()?.trim().parse().ok());
    last.unwrap_or(caller.peer)
}

fn range(range: &Value, address: IpAddr) -> bool {
    let prefix = range["addressPrefix"].as_str().unwrap();
    let length = &range["prefixLen"];
    let network: IpNet = format!("{prefix}/{length}").parse().unwrap();
    network.contains(&address)
}

fn header(matcher: &Value, seen: Seen<'_>) -> bool {
    let name = matcher["name"].as_str().unwrap();
    let caller = seen.caller;
    let value = match name {
        ":method" => Some(caller.method.clone()),
        ":authority" => Some(caller.host.clone()),
        name => {
            let own = caller.headers.iter();
            let own = own.filter(|(own, _)| own.eq_ignore_ascii_case(name));
            let values: Vec<_> = own.map(|(_, value)| value.as_str()).collect();
            (!values.is_empty()).then(|| values.join(","))
        }
    };
    if matcher.get("presentMatch").is_some() {
        return value.is_some();
    }
    let Some(value) = value else { return false };
    match matcher.get("safeRegexMatch") {
        Some(regex) => whole(regex["regex"].as_str().unwrap()).is_match(&value),
        None => string(&matcher["stringMatch"], &value),
    }
}

fn string(matcher: &Value, text: &str) -> bool {
    if let Some(regex) = matcher.get("safeRegex") {
        return whole(regex["regex"].as_str().unwrap()).is_match(text);
    }
    let ignores = matcher.get("ignoreCase") == Some(&Value::Bool(true));
    let fold = |text: &str| {
        if ignores {
            text.to_ascii_lowercase()
        } else {
            text.to_owned()
        }
    };
    let text = fold(text);
    let wanted = |kind| matcher.get(kind).and_then(Value::as_str).map(fold);
    if let Some(exact) = wanted("exact") {
        text == exact
    } else if let Some(prefix) = wanted("prefix") {
        text.starts_with(&prefix)
    } else if let Some(suffix) = wanted("suffix") {
        text.ends_with(&suffix)
    } else {
        panic!("{matcher}")
    }
}

fn whole(regex: &str) -> Regex {
    Regex::new(&format!("^(?:{regex})$")).unwrap()
}

fn template(template: &str, path: &str) -> bool {
    let segments = template.split('/').map(|segment| match segment {
        "*" => format!("[{SEGMENT}]+"),
        "**" => format!("[{SEGMENT}/]*"),
        literal => regex::escape(literal),
    });
    let segments: Vec<_> = segments.collect();
    whole(&segments.join("/")).is_match(path)
}

fn metadata(matcher: &Value, seen: Seen<'_>) -> bool {
    if matcher["filter"] != "envoy.filters.http.jwt_authn" {
        // No other filter writes any.
        return false;
    }
    let Some(claims) = &seen.caller.claims else {
        return false;
    };
    let mut path = items(&matcher["path"]).map(|step| step["key"].as_str().unwrap());
    assert_eq!(path.next(), Some("payload"));
    let found = path.try_fold(claims, |value, key| value.get(key));
    found.is_some_and(|found| value(&matcher["value"], found))
}

fn value(matcher: &Value, found: &Value) -> bool {
    let (kind, wanted) = choice(matcher);
    match kind {
        "stringMatch" => found.as_str().is_some_and(|text| string(wanted, text)),
        "orMatch" => items(&wanted["valueMatchers"]).any(|one| value(one, found)),
        "listMatch" => items(found).any(|one| value(&wanted["oneOf"], one)),
        kind => panic!("{kind}"),
    }
}
