//! Envoy's configuration in this crate's words.

use http::uri::Scheme;
use http::{HeaderName, HeaderValue};
use meshless::traffic_split::{
    Destination, HeaderFormat, HeaderMatch, HeaderOperations, HostPattern, Match, PathMatch,
    PathRewrite, PathTemplate, Redirect, Rewrite, Route, StringMatch, TrafficSplitPolicy,
    VirtualHost,
};
use serde_json::Value;

use super::{list, text};

/// Lowers a `RouteConfiguration`; `cluster_header` says what a destination is that a header names.
pub(crate) fn policy(config: &Value, cluster_header: Option<&str>) -> TrafficSplitPolicy {
    let policy = TrafficSplitPolicy::off().with_unknown_hosts_rejected(true);
    list(&config["virtual_hosts"]).fold(policy, |policy, host| {
        let patterns = list(&host["domains"]).map(|p| HostPattern::parse(text(p)).unwrap());
        let operations = [config, host];
        let mut routes: Vec<_> = list(&host["routes"])
            .map(|r| route(r, &operations, Outer::None, cluster_header))
            .collect();
        routes.extend(tree(&host["matcher"]["matcher_tree"]));
        policy.with_host(VirtualHost::new(patterns, routes))
    })
}

/// What a matcher tree has already asked of a path.
#[derive(Clone, Copy)]
enum Outer<'a> {
    Exact(&'a str),
    None,
    Prefix(&'a str),
}

/// Lowers a matcher tree over the path: each leaf asks for what led to it too.
fn tree(tree: &Value) -> Vec<Route> {
    let mut routes = Vec::new();
    for (kind, exact) in [("exact_match_map", true), ("prefix_match_map", false)] {
        for (key, leaf) in tree[kind]["map"].as_object().into_iter().flatten() {
            let outer = if exact {
                Outer::Exact(key)
            } else {
                Outer::Prefix(key)
            };
            let leaf = &leaf["action"]["typed_config"];
            match leaf["routes"].as_array() {
                Some(list) => routes.extend(list.iter().map(|r| route(r, &[], outer, None))),
                None => routes.push(route(leaf, &[], outer, None)),
            }
        }
    }
    routes
}

fn route(route: &Value, above: &[&Value], outer: Outer<'_>, header: Option<&str>) -> Route {
    let mut operations = HeaderOperations::default();
    for level in above.iter().chain([&route]) {
        for name in list(&level["request_headers_to_remove"]) {
            operations = operations.with_remove(name_of(name));
        }
        for header in list(&level["request_headers_to_add"]) {
            let header = &header["header"];
            let value = HeaderFormat::parse(text(&header["value"])).unwrap();
            operations = operations.with_set(name_of(&header["key"]), value);
        }
    }
    action(route, header)
        .with_match(matching(&route["match"], outer))
        .with_rewrite(rewrite(route))
        .with_request_headers(operations)
}

fn action(route: &Value, header: Option<&str>) -> Route {
    if let Some(redirect) = route.get("redirect") {
        return Route::redirect(lower_redirect(redirect));
    }
    let route = &route["route"];
    if let Some(weighted) = route.get("weighted_clusters") {
        let destinations = list(&weighted["clusters"]).map(|cluster| {
            let name = match cluster.get("cluster_header") {
                Some(_) => header.expect("a header that names a cluster"),
                None => text(&cluster["name"]),
            };
            let weight = u32::try_from(cluster["weight"].as_u64().unwrap()).unwrap();
            (Destination::new(name), weight)
        });
        return Route::split(destinations).unwrap();
    }
    Route::to(Destination::new(text(&route["cluster"])))
}

fn rewrite(config: &Value) -> Rewrite {
    let route = &config["route"];
    let path = if let Some(prefix) = route.get("prefix_rewrite") {
        // A matcher for `CONNECT` replaces all of the path.
        if config["match"].get("connect_matcher").is_some() {
            PathRewrite::full(text(prefix))
        } else {
            PathRewrite::prefix(text(prefix))
        }
    } else if let Some(policy) = route.get("path_rewrite_policy") {
        PathRewrite::template(text(&policy["typed_config"]["path_template_rewrite"]))
    } else {
        return Rewrite::default();
    };
    Rewrite::default().with_path(path)
}

fn lower_redirect(config: &Value) -> Redirect {
    let mut redirect = Redirect::default();
    if let Some(host) = config.get("host_redirect") {
        redirect = redirect.with_authority(text(host).parse().unwrap());
    }
    if let Some(path) = config.get("path_redirect") {
        redirect = redirect.with_path(text(path));
    }
    if let Some(prefix) = config.get("prefix_rewrite") {
        redirect = redirect.with_path_rewrite(PathRewrite::prefix(text(prefix)));
    }
    if is_true(config, "https_redirect") {
        redirect = redirect.with_scheme(Scheme::HTTPS);
    }
    redirect.with_query_stripped(is_true(config, "strip_query"))
}

fn matching(config: &Value, outer: Outer<'_>) -> Match {
    let mut matching = list(&config["headers"])
        .map(header)
        .fold(Match::default(), Match::with_header);
    for parameter in list(&config["query_parameters"]) {
        let name = text(&parameter["name"]);
        matching = match parameter.get("string_match") {
            Some(value) => matching.with_query(name, string(value)),
            None => matching.with_query_present(name),
        };
    }
    if config.get("connect_matcher").is_some() {
        return matching.with_method(StringMatch::exact("CONNECT"));
    }
    matching.with_path(path(config, outer).with_ignore_case(config["case_sensitive"] == false))
}

fn path(config: &Value, outer: Outer<'_>) -> PathMatch {
    if let Some(inner) = config.get("prefix") {
        let inner = text(inner);
        return both(outer, inner).into();
    }
    if let Some(prefix) = config.get("path_separated_prefix") {
        return PathMatch::segments(text(prefix));
    }
    if let Some(policy) = config.get("path_match_policy") {
        let template = text(&policy["typed_config"]["path_template"]);
        return PathTemplate::parse(template).unwrap().into();
    }
    if let Some(path) = config.get("path") {
        return StringMatch::exact(text(path)).into();
    }
    let regex = text(&config["safe_regex"]["regex"]);
    StringMatch::regex(regex).unwrap().into()
}

/// Asks for what a tree asks for and for a prefix, at once.
fn both(outer: Outer<'_>, prefix: &str) -> StringMatch {
    let never = || StringMatch::exact("no path is like this");
    match outer {
        Outer::None => StringMatch::prefix(prefix),
        Outer::Exact(path) if path.starts_with(prefix) => StringMatch::exact(path),
        Outer::Prefix(path) if path.starts_with(prefix) => StringMatch::prefix(path),
        Outer::Prefix(path) if prefix.starts_with(path) => StringMatch::prefix(prefix),
        Outer::Exact(_) | Outer::Prefix(_) => never(),
    }
}

/// Lowers a `HeaderMatcher`, in its old words and in its new ones.
pub(crate) fn header(config: &Value) -> HeaderMatch {
    let name = name_of(&config["name"]);
    let inverted = is_true(config, "invert_match");
    let absent = config.get("present_match") == Some(&Value::Bool(false));
    let old = ["exact", "prefix", "suffix", "contains", "safe_regex"]
        .into_iter()
        .find_map(|kind| Some((kind, config.get(format!("{kind}_match"))?)));
    let value = if let Some(value) = config.get("string_match") {
        Some(string(value))
    } else if let Some(range) = config.get("range_match") {
        let end = |key: &str| range[key].as_i64().unwrap();
        Some(StringMatch::integer(end("start")..end("end")))
    } else {
        old.map(|(kind, value)| pattern(kind, value))
    };
    match value {
        Some(value) => HeaderMatch::new(name, value),
        None => HeaderMatch::present(name),
    }
    .with_inverted(inverted != absent)
    .with_missing_is_empty(is_true(config, "treat_missing_header_as_empty"))
}

/// Lowers a `StringMatcher`.
pub(crate) fn string(config: &Value) -> StringMatch {
    let kinds = [
        "exact",
        "prefix",
        "suffix",
        "contains",
        "safe_regex",
        "regex",
    ];
    let found = kinds
        .iter()
        .find_map(|kind| Some((kind, config.get(kind)?)));
    let (kind, value) = found.expect("a kind of match");
    pattern(kind, value).with_ignore_case(is_true(config, "ignore_case"))
}

fn pattern(kind: &str, value: &Value) -> StringMatch {
    match kind {
        "exact" => StringMatch::exact(text(value)),
        "prefix" => StringMatch::prefix(text(value)),
        "suffix" => StringMatch::suffix(text(value)),
        "contains" => StringMatch::contains(text(value)),
        "regex" => StringMatch::regex(text(value)).unwrap(),
        _ => StringMatch::regex(text(&value["regex"])).unwrap(),
    }
}

fn name_of(value: &Value) -> HeaderName {
    text(value).parse().unwrap()
}

fn is_true(config: &Value, key: &str) -> bool {
    matches!(config.get(key), Some(Value::Bool(true))) || config[key] == "true"
}

#[test]
fn a_header_value_is_taken_as_it_is() {
    let format = HeaderFormat::from(HeaderValue::from_static("50%"));
    assert_ne!(format, HeaderFormat::parse("50").unwrap());
}
