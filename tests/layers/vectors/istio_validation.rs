//! What Istio's own tests say that it takes, warns of and refuses.
#![expect(
    clippy::needless_pass_by_value,
    reason = "what `json!` makes is moved into the object around it"
)]

use meshless::istio::{Documents, Severity};
use serde_json::{Value, json};

use super::tally::{Tally, load};

#[test]
fn virtual_services_are_judged_as_istio_does() {
    let mut tally = Tally::default();
    suites("istio_validation_virtualservice.json", &mut tally);
    tally.assert(120, 0);
}

#[test]
fn destination_rules_are_judged_as_istio_does() {
    let mut tally = Tally::default();
    suites("istio_validation_destinationrule.json", &mut tally);
    tally.assert(35, 0);
}

#[test]
fn gateways_are_judged_as_istio_does() {
    let mut tally = Tally::default();
    suites("istio_validation_gateway.json", &mut tally);
    tally.assert(16, 0);
}

#[test]
fn service_entries_are_judged_as_istio_does() {
    let mut tally = Tally::default();
    suites("istio_validation_serviceentry.json", &mut tally);
    tally.assert(31, 0);
}

#[test]
fn security_policies_are_judged_as_istio_does() {
    let mut tally = Tally::default();
    suites("istio_validation_security.json", &mut tally);
    tally.assert(54, 0);
}

#[test]
fn the_namespaces_that_an_object_is_shown_to_are_judged_as_istio_does() {
    let mut tally = Tally::default();
    for case in cases("istio_validation_misc.json") {
        let mut spec = json!({"hosts": ["a.com"], "http": [route()]});
        let mut kind = "VirtualService";
        if flag(&case, "isServiceEntry") {
            kind = "ServiceEntry";
            spec = json!({"hosts": ["a.com"], "ports": [{"number": 80, "name": "a", "protocol": "HTTP"}]});
        } else if flag(&case, "isDestinationRuleWithSelector") {
            kind = "DestinationRule";
            spec = json!({"host": "a.com", "workloadSelector": {"matchLabels": {"a": "b"}}});
        }
        if !case["input"].is_null() {
            spec["exportTo"] = case["input"].clone();
        }
        let mut object = object(kind, spec);
        object["metadata"]["namespace"] = case["namespace"].clone();
        judge(&case, &object, flag(&case, "valid"), false);
        tally.ran();
    }
    tally.assert(9, 0);
}

#[test]
fn what_many_kinds_share_is_judged_as_istio_does() {
    let mut tally = Tally::default();
    let file = load("istio_validation_common.json");
    for suite in file["suites"].as_array().unwrap() {
        for case in suite["cases"].as_array().unwrap() {
            let (object, valid, warns) = common(suite["suite"].as_str().unwrap(), case);
            judge(case, &object, valid, warns);
            tally.ran();
        }
    }
    tally.assert(47, 0);
}

#[test]
fn whole_objects_are_judged_as_istios_schema_and_validator_do() {
    let mut tally = Tally::default();
    let file = load("istio_crd_validation.json");
    for case in file["cases"].as_array().unwrap() {
        // Its second address is `2001:db8::`, which YAML reads as a map when it is between brackets.
        if case["object"]["spec"]["addresses"][1].is_object() {
            tally.skipped("an address that was lost when the vector was written");
            continue;
        }
        judge(case, &case["object"], flag(case, "valid"), false);
        tally.ran();
    }
    tally.assert(44, 1);
}

fn suites(file: &str, tally: &mut Tally) {
    let file = load(file);
    for suite in file["suites"].as_array().unwrap() {
        let target = suite["target"].as_str().unwrap();
        for case in suite["cases"].as_array().unwrap() {
            let mut object = wrap(target, case);
            if let Some(labels) = case.get("labels") {
                object["metadata"]["labels"] = labels.clone();
            }
            judge(case, &object, flag(case, "valid"), flag(case, "warning"));
            tally.ran();
        }
    }
}

fn judge(case: &Value, object: &Value, valid: bool, warns: bool) {
    // JSON is YAML.
    let documents = Documents::from_yaml(&object.to_string());
    let found: Vec<_> = documents
        .diagnostics()
        .iter()
        .map(ToString::to_string)
        .collect();
    let found = found.join("\n");
    let name = case.get("id").unwrap_or_else(|| &case["name"]);
    assert_eq!(documents.has_errors(), !valid, "{name}: {case}\n{found}");
    assert!(
        !warns || documents.count(Severity::Warning) > 0,
        "{name}: {case}\n{found}"
    );
}

/// Puts an input where it belongs in an object that is right otherwise.
fn wrap(target: &str, case: &Value) -> Value {
    let input = expand(&case["input"]);
    let (kind, path) = target.split_once(".spec").unwrap_or((target, "-"));
    match (kind, path) {
        (_, "") => object(kind, input),
        ("Gateway", _) => object(kind, json!({"servers": [input]})),
        ("DestinationRule", path) => {
            let field = path.strip_prefix(".trafficPolicy").unwrap();
            let policy = match field.strip_prefix('.') {
                Some(field) => json!({field: input}),
                None => input,
            };
            object(kind, json!({"host": "a", "trafficPolicy": policy}))
        }
        (_, ".http[].route[].destination") => http(json!({"route": [{"destination": input}]})),
        (_, ".tcp[].route") => object(kind, json!({"hosts": ["a.com"], "tcp": [{"route": input}]})),
        ("HTTP status number", _) => {
            with(route(), "fault", json!({"abort": {"httpStatus": input}}))
        }
        ("match header name", _) => {
            let name = input.as_str().unwrap();
            with(
                route(),
                "match",
                json!([{"headers": {name: {"exact": "a"}}}]),
            )
        }
        ("headers.*.add/set value (Envoy %FORMAT% syntax)", _) => with(
            route(),
            "headers",
            json!({"response": {"set": {"x-a": input}}}),
        ),
        (_, ".http[].fault.abort" | ".http[].fault.delay") if input.is_null() => http(route()),
        (_, ".http[].fault.abort") => with(route(), "fault", json!({"abort": input})),
        (_, ".http[].fault.delay") => with(route(), "fault", json!({"delay": input})),
        (_, ".http[].rewrite.uriRegexRewrite") => with(
            route(),
            "rewrite",
            json!({"uriRegexRewrite": input, "authority": "a"}),
        ),
        (_, ".http[].redirect" | ".http[].directResponse") if !input.is_null() => {
            with(json!({}), path.strip_prefix(".http[].").unwrap(), input)
        }
        (_, ".http[]") => {
            let mut route = input;
            let delegates = route.get("delegate").is_some();
            let is_empty = route.as_object().unwrap().is_empty();
            let leads = ["route", "redirect", "directResponse"]
                .iter()
                .any(|k| route.get(*k).is_some());
            if !(delegates || leads || is_empty) {
                route["route"] = super::istio_validation::route()["route"].clone();
            }
            http(route)
        }
        (_, path) if path.starts_with(".http[] ") => object(kind, json!({"http": [input]})),
        (_, path) => match path.strip_prefix(".http[].") {
            Some(field) => with(route(), field, input),
            None => panic!("no such target: {target}"),
        },
    }
}

fn common(suite: &str, case: &Value) -> (Value, bool, bool) {
    let input = case.get("in").cloned().unwrap_or_default();
    let valid = !flag(case, "err") && !flag(case, "wantErr");
    let rule = |policy: Value| {
        object(
            "DestinationRule",
            json!({"host": "a", "trafficPolicy": policy}),
        )
    };
    let balanced = |field: &str| {
        let mut policy = json!({"loadBalancer": {"simple": "ROUND_ROBIN", field: input}});
        if !case["outlier"].is_null() {
            policy["outlierDetection"] = json!({"interval": "1s"});
        }
        rule(policy)
    };
    match suite {
        "TestValidateLocalityLbSetting" => {
            (balanced("localityLbSetting"), valid, flag(case, "warn"))
        }
        "TestValidateZoneAwareLbSetting" => {
            (balanced("zoneAwareLbSetting"), valid, flag(case, "warn"))
        }
        "TestValidateWildcardDomain" => {
            let valid = case["out"] == "";
            (
                object("DestinationRule", json!({"host": input})),
                valid,
                false,
            )
        }
        "TestValidateFQDN" => {
            let service =
                json!({"hosts": ["a.com"], "gateways": [case["fqdn"]], "http": [route()]});
            (
                object("VirtualService", service),
                flag(case, "valid"),
                false,
            )
        }
        "TestValidateTLS" => (
            rule(json!({"tls": case["tls"]})),
            flag(case, "valid"),
            false,
        ),
        "TestValidateLocalities" => {
            let all = case["localities"].as_array().unwrap();
            let all: Vec<_> = all
                .iter()
                .map(|from| json!({"from": from, "to": {"z": 100}}))
                .collect();
            (
                rule(json!({"loadBalancer": {"localityLbSetting": {"distribute": all}}})),
                flag(case, "valid"),
                false,
            )
        }
        // The same policies, where a destination rule and a virtual service have them.
        "TestValidateMeshConfigDefaultTrafficPolicy" => {
            let policy = if case["dtp"].is_null() {
                json!({"tls": {"mode": "DISABLE"}})
            } else {
                case["dtp"].clone()
            };
            (rule(policy), valid, false)
        }
        "TestValidateMeshConfigDefaultInboundHTTPRetryPolicy" => (
            with(route(), "retries", case["retry"].clone()),
            valid,
            false,
        ),
        "TestValidationIPSubnet" => {
            let entry = json!({"hosts": ["a.com"], "addresses": [case["subnet"]], "ports": [{"number": 80, "name": "a", "protocol": "HTTP"}]});
            (object("ServiceEntry", entry), flag(case, "ok"), false)
        }
        _ => panic!("no such suite: {suite}"),
    }
}

fn object(kind: &str, spec: Value) -> Value {
    let group = match kind {
        "AuthorizationPolicy" | "PeerAuthentication" | "RequestAuthentication" => "security",
        _ => "networking",
    };
    json!({
        "apiVersion": format!("{group}.istio.io/v1"),
        "kind": kind,
        "metadata": {"name": "case"},
        "spec": spec,
    })
}

fn route() -> Value {
    json!({"route": [{"destination": {"host": "a"}}]})
}

fn http(route: Value) -> Value {
    object(
        "VirtualService",
        json!({"hosts": ["a.com"], "http": [route]}),
    )
}

fn with(mut route: Value, field: &str, input: Value) -> Value {
    if !input.is_null() {
        route[field] = input;
    }
    http(route)
}

/// Writes out the texts that the vectors abbreviate.
fn expand(input: &Value) -> Value {
    match input {
        Value::Object(map) if map.contains_key("_repeat") => {
            let count = usize::try_from(map["_count"].as_u64().unwrap()).unwrap();
            map["_repeat"].as_str().unwrap().repeat(count).into()
        }
        // Bytes are written in base64: `YWFh` is `aaa`.
        Value::Object(map) if map.get("bytes").is_some_and(Value::is_object) => {
            let count = map["bytes"]["_count"].as_u64().unwrap();
            let count = usize::try_from(count).unwrap();
            json!({"bytes": "YWFh".repeat(count / 3 + 1)})
        }
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), expand(v))).collect(),
        Value::Array(list) => list.iter().map(expand).collect(),
        other => other.clone(),
    }
}

fn cases(file: &str) -> Vec<Value> {
    let file = load(file);
    let suites = file["suites"].as_array().unwrap().iter();
    suites
        .flat_map(|suite| suite["cases"].as_array().unwrap().clone())
        .collect()
}

fn flag(case: &Value, name: &str) -> bool {
    case.get(name).and_then(Value::as_bool).unwrap_or_default()
}
