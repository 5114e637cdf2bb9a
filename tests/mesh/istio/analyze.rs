//! What `istioctl analyze` says of documents without asking a cluster, and what we add.

use meshless::istio::{Code, Documents};
use serde_json::Value;

/// Writes an object of the networking group.
fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

fn service(name: &str, spec: &str) -> String {
    object("VirtualService", name, spec)
}

const TO_A: &str = "route: [{destination: {host: a}}]";

fn filter(patch: &str) -> String {
    let spec = format!("{{configPatches: [{patch}]}}");
    object("EnvoyFilter", "f", &spec).replace("io/v1", "io/v1alpha3")
}

fn entry(name: &str, rest: &str) -> String {
    object("ServiceEntry", name, &format!("{{hosts: [a.com], {rest}}}"))
}

fn rule(host: &str, policy: &str) -> String {
    let spec = format!("{{host: {host}, trafficPolicy: {{{policy}}}}}");
    object("DestinationRule", "r", &spec)
}

/// A virtual service of these routes.
fn routes(routes: &str) -> String {
    service(
        "v",
        &format!("{{hosts: [a], http: [{}]}}", routes.replace("TO_A", TO_A)),
    )
}

fn due(text: &str, expected: &str) {
    let documents = Documents::from_yaml(text);
    let shown: Vec<_> = documents
        .diagnostics()
        .iter()
        .map(ToString::to_string)
        .collect();
    let shown = shown.join("\n");
    assert!(
        super::codes(text).contains(&expected),
        "{expected}: {text}\n{shown}"
    );
    assert!(!documents.has_errors(), "{text}\n{shown}");
}

const HTTPS: &str = "ports: [{number: 443, name: tls, protocol: HTTPS}], resolution: DNS";

#[test]
fn routes_are_warned_of_where_it_is_due() {
    for (http, expected) in [
        (
            "{TO_A, fault: {delay: {percent: 1, fixedDelay: 1s}}}",
            "IST0002",
        ),
        ("{delegate: {name: none}}", "IST0101"),
        ("{route: [{destination: {host: a, subset: s}}]}", "IST0101"),
        ("{TO_A}, {TO_A}", "IST0130"),
        (
            "{match: [{uri: {prefix: /}}, {uri: {prefix: /b}}], TO_A}",
            "IST0131",
        ),
        (
            "{match: [{method: {exact: GET}}], TO_A}, {match: [{method: {exact: GET}}], TO_A}",
            "IST0130",
        ),
        (
            "{TO_A, timeout: 10s, retries: {attempts: 3, perTryTimeout: 10s}}",
            "MSH0014",
        ),
        (
            "{TO_A, timeout: 5s, retries: {attempts: 2, perTryTimeout: 2s}}",
            "MSH0014",
        ),
        (
            "{TO_A, fault: {abort: {httpStatus: 500}}, timeout: 1s}",
            "MSH0015",
        ),
    ] {
        due(&routes(http), expected);
    }
    let tcp = "{hosts: [a], tcp: [{route: [{destination: {host: a}}]}]}";
    due(&service("v", tcp), "MSH0018");
}

#[test]
fn hosts_and_gateways_are_warned_of_where_it_is_due() {
    let gateway = object(
        "Gateway",
        "g",
        "{servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [b.com]}]}",
    );
    let with = |hosts: &str, gateways: &str| {
        service("w", &format!("{{{hosts} {gateways} http: [{{{TO_A}}}]}}"))
    };
    due(&with("hosts: [a],", "gateways: [none],"), "IST0101");
    due(
        &(gateway + &with("hosts: [a.com],", "gateways: [g],")),
        "IST0132",
    );
    due(
        &(routes("{TO_A}") + &with("hosts: [a.default.svc.cluster.local],", "")),
        "IST0109",
    );
    due(&with("", ""), "IST0167");
    due(
        &(entry("e", HTTPS) + &with("hosts: [a.com],", "")),
        "MSH0017",
    );
}

#[test]
fn rules_and_entries_are_warned_of_where_it_is_due() {
    for (text, expected) in [
        (
            entry("e", "ports: [{number: 80, name: a, protocol: tcp}]"),
            "IST0134",
        ),
        (rule("a", "tls: {mode: SIMPLE}"), "IST0128"),
        (
            rule(
                "a",
                "portLevelSettings: [{port: {number: 1}, tls: {mode: SIMPLE}}]",
            ),
            "IST0129",
        ),
        (rule("api.example.com", "tls: {mode: DISABLE}"), "IST0174"),
        (
            entry("e", HTTPS) + &entry("f", &HTTPS.replace("HTTPS", "HTTP")),
            "IST0177",
        ),
        (
            rule("a", "connectionPool: {tcp: {tcpKeepalive: {time: 1s}}}"),
            "MSH0018",
        ),
        (rule("a", "outlierDetection: {interval: 1s}"), "MSH0013"),
        (
            entry("e", HTTPS) + &rule("a.com", "connectionPool: {http: {maxRetries: 1}}"),
            "MSH0017",
        ),
    ] {
        due(&text, expected);
    }
    let hash = rule("a", "loadBalancer: {consistentHash: {useSourceIp: true}}");
    let weighted =
        "{route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 1}]}";
    due(&(hash + &routes(weighted)), "MSH0016");
}

#[test]
fn patches_are_warned_of_where_it_is_due() {
    for (patch, expected) in [
        (
            "{applyTo: HTTP_FILTER, patch: {operation: REMOVE}}",
            "IST0151",
        ),
        (
            "{applyTo: CLUSTER, patch: {operation: REPLACE, value: {a: b}}}",
            "IST0152",
        ),
        (
            "{applyTo: HTTP_ROUTE, patch: {operation: ADD, value: {a: b}}}",
            "IST0153",
        ),
        (
            "{applyTo: HTTP_ROUTE, patch: {operation: REMOVE}}",
            "IST0154",
        ),
        (
            "{applyTo: HTTP_FILTER, match: {proxy: {proxyVersion: ^1}}, patch: {operation: REMOVE}}",
            "IST0155",
        ),
        (
            "{applyTo: CLUSTER, patch: {operation: MERGE, value: {a: b}}}",
            "MSH0012",
        ),
    ] {
        due(&filter(patch), expected);
    }
}

#[test]
fn documents_that_are_right_together_have_no_findings() {
    let text = service(
        "v",
        "{hosts: [a], http: [{match: [{uri: {prefix: /v2}}], route: [{destination: {host: a, subset: v2}}]}, {route: [{destination: {host: a, subset: v1}}]}]}",
    ) + &object(
        "DestinationRule",
        "r",
        "{host: a, trafficPolicy: {outlierDetection: {maxEjectionPercent: 100}}, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}",
    ) + &object(
        "ServiceEntry",
        "e",
        "{hosts: [a.default.svc.cluster.local], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 10.0.0.1, labels: {version: v1}}, {address: 10.0.0.2, labels: {version: v2}}]}",
    );
    assert!(super::codes(&text).is_empty(), "{:?}", super::codes(&text));
}

#[test]
fn a_known_number_of_endpoints_decides_whether_an_ejection_can_be() {
    let with = |endpoints: &str| {
        let entry = format!(
            "{{hosts: [a.com], ports: [{{number: 80, name: http, protocol: HTTP}}], resolution: STATIC, endpoints: [{endpoints}]}}"
        );
        let rule = "{host: a.com, trafficPolicy: {outlierDetection: {maxEjectionPercent: 50}}}";
        super::findings(&Documents::from_yaml(
            &(object("ServiceEntry", "e", &entry) + &object("DestinationRule", "r", rule)),
        ))
    };
    assert_eq!(with("{address: 10.0.0.1}"), ["MSH0013 10:56"]);
    assert!(with("{address: 10.0.0.1}, {address: 10.0.0.2}").is_empty());
}

#[test]
fn a_local_rate_limit_is_known_in_each_of_its_shapes() {
    let kind =
        "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
    let snake = "stat_prefix: a, token_bucket: {max_tokens: 20, tokens_per_fill: 20, fill_interval: INTERVAL}";
    let camel =
        "statPrefix: a, tokenBucket: {maxTokens: 20, tokensPerFill: 20, fillInterval: INTERVAL}";
    let wrapped = |wrapper: &str, fields: &str| {
        format!("{{'@type': type.googleapis.com/{wrapper}, type_url: {kind}, value: {{{fields}}}}}")
    };
    let direct = |fields: &str| format!("{{'@type': {kind}, {fields}}}");
    let config = [
        direct(snake),
        direct(camel),
        wrapped("udpa.type.v1.TypedStruct", snake),
        wrapped("xds.type.v3.TypedStruct", camel),
    ];
    for config in config {
        for (apply_to, value) in [
            (
                "HTTP_FILTER",
                format!("{{name: envoy.filters.http.local_ratelimit, typed_config: {config}}}"),
            ),
            (
                "HTTP_FILTER",
                format!("{{name: mine, typedConfig: {config}}}"),
            ),
            (
                "HTTP_ROUTE",
                format!(
                    "{{typed_per_filter_config: {{envoy.filters.http.local_ratelimit: {config}}}}}"
                ),
            ),
        ] {
            for (interval, expected) in [
                ("60s", &["MSH0011"][..]),
                ("{seconds: 60}", &["MSH0011"]),
                ("10ms", &["IST0106", "MSH0011"]),
                ("soon", &["MSH0004", "MSH0011"]),
            ] {
                let value = value.replace("INTERVAL", interval);
                let operation = match apply_to {
                    "HTTP_FILTER" => "INSERT_FIRST",
                    _ => "MERGE",
                };
                let patch = format!(
                    "{{configPatches: [{{applyTo: {apply_to}, patch: {{operation: {operation}, value: {value}}}}}]}}"
                );
                let text = object("EnvoyFilter", "f", &patch).replace("io/v1", "io/v1alpha3");
                let mut found = super::codes(&text);
                if apply_to == "HTTP_ROUTE" {
                    // A second one: the filter itself is not there.
                    let place = found.iter().rposition(|code| *code == "MSH0011");
                    found.remove(place.unwrap());
                }
                found.sort_unstable();
                let mut expected = expected.to_vec();
                expected.sort_unstable();
                assert_eq!(found, expected, "{text}");
            }
        }
    }
}

#[test]
fn a_misspelt_field_of_a_limit_is_an_error() {
    let text =
        include_str!("../../policies/llm-rate-limit.yaml").replace("max_tokens", "max_token");
    let documents = Documents::from_yaml(&text);
    let found = documents
        .diagnostics()
        .iter()
        .find(|f| f.code() == Code::UnknownField)
        .unwrap();
    assert_eq!(found.help(), "did you mean `maxTokens`?");
}

#[test]
fn codes_shared_with_istio_are_istios() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/istio_analyze.json"
    );
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let known: Vec<_> = file["message_codes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["code"].as_str().unwrap())
        .collect();
    for code in Code::ALL
        .iter()
        .filter(|code| code.as_str().starts_with("IST"))
    {
        assert!(known.contains(&code.as_str()), "{code}");
    }
}

#[test]
fn counts_of_one_are_in_the_singular() {
    let found = |timeout: &str| {
        let text = routes(&format!(
            "{{TO_A, timeout: {timeout}, retries: {{attempts: 3, perTryTimeout: 2s}}}}"
        ));
        let documents = Documents::from_yaml(&text);
        documents.diagnostics()[0].help().to_owned()
    };
    assert!(found("3s").ends_with("or no retries: 1 whole try fits"));
    assert!(found("5s").ends_with("or fewer attempts: 2 whole tries fit"));
}
