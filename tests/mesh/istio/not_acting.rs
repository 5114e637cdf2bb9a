//! Fields that are read and not acted on: each is told of.

use meshless::istio::{Code, Documents, Severity};

/// Returns the fields of one object that are told of, each with how much it matters.
fn told(kind: &str, spec: &str) -> Vec<(String, Severity)> {
    let version = if kind == "EnvoyFilter" {
        "v1alpha3"
    } else {
        "v1"
    };
    let text = format!(
        "apiVersion: networking.istio.io/{version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n"
    );
    let documents = Documents::from_yaml(&text);
    assert!(!documents.has_errors(), "{:#?}", documents.diagnostics());
    let found = documents.diagnostics().iter();
    found
        .filter(|found| found.code() == Code::FieldWithoutEffect)
        .map(|found| {
            assert!(
                !found.effect().is_empty() && !found.in_istio().is_empty(),
                "{found}"
            );
            (found.field().to_owned(), found.severity())
        })
        .collect()
}

fn each(kind: &str, cases: &[(String, &str, Severity)]) {
    for (spec, field, severity) in cases {
        let found = told(kind, spec);
        let is_told = |(path, own): &(String, Severity)| path.ends_with(field) && own == severity;
        assert!(found.iter().any(is_told), "{spec}: {found:?}");
    }
}

const TO_A: &str = "route: [{destination: {host: a.com}}]";

#[test]
fn of_a_virtual_service() {
    let route = |rest: &str| format!("{{hosts: [a.com], http: [{{{TO_A}, {rest}}}]}}");
    each("VirtualService", &[
        (route("retries: {attempts: 1, retryRemoteLocalities: true}"), "retryRemoteLocalities", Severity::Note),
        (route("retries: {attempts: 1, retryIgnorePreviousHosts: false}"), "retryIgnorePreviousHosts", Severity::Note),
        (route("match: [{uri: {prefix: /a}, statPrefix: b}]"), "statPrefix", Severity::Note),
        (route("match: [{headers: {method: {exact: GET}}}]"), "headers.method", Severity::Warning),
        (route("headers: {request: {set: {x-a: '%UPSTREAM_HOST%'}}}"), "x-a", Severity::Warning),
        (
            "{hosts: [a.com], http: [{route: [{destination: {host: a.com}, weight: 1, headers: {request: {set: {host: b.com}}}}, {destination: {host: c.com}, weight: 1}]}]}".into(),
            "host",
            Severity::Warning,
        ),
        (
            "{hosts: [a.com], tcp: [{route: [{destination: {host: a.com}}]}]}".into(),
            "tcp[0]",
            Severity::Warning,
        ),
    ]);
}

#[test]
fn of_a_destination_rule() {
    let policy = |policy: &str| format!("{{host: a.com, trafficPolicy: {{{policy}}}}}");
    let http = |field: &str| policy(&format!("connectionPool: {{http: {{{field}}}}}"));
    each(
        "DestinationRule",
        &[
            (
                policy("loadBalancer: {localityLbSetting: {enabled: true}}"),
                "localityLbSetting",
                Severity::Warning,
            ),
            (
                policy(
                    "loadBalancer: {consistentHash: {httpHeaderName: a, maglev: {tableSize: 7}}}",
                ),
                "maglev",
                Severity::Note,
            ),
            (
                policy("connectionPool: {tcp: {tcpKeepalive: {time: 7200s}}}"),
                "tcpKeepalive",
                Severity::Warning,
            ),
            (
                http("useClientProtocol: true"),
                "useClientProtocol",
                Severity::Note,
            ),
            (
                http("maxConcurrentStreams: 5"),
                "maxConcurrentStreams",
                Severity::Note,
            ),
            (
                policy("tls: {mode: SIMPLE, caCertificates: /a.pem, caCrl: /b.pem}"),
                "caCrl",
                Severity::Warning,
            ),
            (
                policy("tls: {mode: SIMPLE, credentialName: a}"),
                "credentialName",
                Severity::Warning,
            ),
            (
                policy("tunnel: {protocol: CONNECT, targetHost: b.com, targetPort: 80}"),
                "tunnel",
                Severity::Warning,
            ),
            (
                policy("proxyProtocol: {version: V1}"),
                "proxyProtocol",
                Severity::Warning,
            ),
            (
                "{host: a.com, subsets: [{name: v1, labels: {version: v1}}]}".into(),
                "version",
                Severity::Warning,
            ),
        ],
    );
    assert!(
        told(
            "DestinationRule",
            &policy("tls: {mode: SIMPLE, caCertificates: system, sni: b.com}")
        )
        .is_empty()
    );
}

#[test]
fn a_default_value_has_no_effect_to_report() {
    let policy = |policy: &str| format!("{{host: a.com, trafficPolicy: {{{policy}}}}}");
    let defaults = "connectionPool: {http: {useClientProtocol: false, maxConcurrentStreams: 0}}, tls: {mode: SIMPLE, insecureSkipVerify: false, caCertificates: ''}";
    assert!(told("DestinationRule", &policy(defaults)).is_empty());
}

#[test]
fn mutual_tls_of_files_acts_and_that_of_the_mesh_where_it_has_certificates() {
    let policy = |tls: &str| format!("{{host: a.com, trafficPolicy: {{{tls}}}}}");
    let files = "tls: {mode: MUTUAL, clientCertificate: a, privateKey: b, caCertificates: c, subjectAltNames: [a.com]}";
    let own = "tls: {mode: ISTIO_MUTUAL}";
    let port = "portLevelSettings: [{port: {number: 80}, tls: {mode: ISTIO_MUTUAL}}]";
    for (tls, field) in [
        (files, None),
        (own, Some("spec.trafficPolicy.tls.mode")),
        (
            port,
            Some("spec.trafficPolicy.portLevelSettings[0].tls.mode"),
        ),
    ] {
        // A linter does not know whether the application has certificates; a mesh does.
        assert!(told("DestinationRule", &policy(tls)).is_empty(), "{tls}");
        let yaml = format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: a}}\nspec: {}\n",
            policy(tls)
        );
        let found = meshless::Mesh::from_yaml(&yaml).unwrap().diagnostics();
        let found: Vec<_> = found
            .iter()
            .map(meshless::istio::Diagnostic::field)
            .collect();
        assert_eq!(found, Vec::from_iter(field), "{tls}");
    }
}

/// A pool enforces them, over plain HTTP and over TLS.
#[test]
fn of_connections_nothing_is_left_to_the_client() {
    let limits = "connectionPool: {tcp: {maxConnections: 9, connectTimeout: 1s, maxConnectionDuration: 60s}, http: {http1MaxPendingRequests: 9, maxRequestsPerConnection: 2, idleTimeout: 9s, h2UpgradePolicy: UPGRADE}}";
    for tls in ["SIMPLE, caCertificates: system", "DISABLE"] {
        let rule = format!("{{host: a.com, trafficPolicy: {{{limits}, tls: {{mode: {tls}}}}}}}");
        let found = told("DestinationRule", &rule);
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn of_a_service_entry_and_a_gateway() {
    let entry = |rest: &str| {
        format!("{{hosts: [a.com], ports: [{{number: 80, name: http, protocol: HTTP}}], {rest}}}")
    };
    each(
        "ServiceEntry",
        &[
            (
                entry(
                    "resolution: STATIC, addresses: [10.0.0.9], endpoints: [{address: 10.0.0.1}]",
                ),
                "addresses[0]",
                Severity::Note,
            ),
            (
                entry("resolution: STATIC, workloadSelector: {labels: {app: a}}"),
                "workloadSelector",
                Severity::Warning,
            ),
            (
                entry("resolution: STATIC, endpoints: [{address: 10.0.0.1, locality: eu}]"),
                "locality",
                Severity::Note,
            ),
            (
                entry("resolution: STATIC, endpoints: [{address: 'unix:///a'}]"),
                "address",
                Severity::Warning,
            ),
        ],
    );
    let server = |rest: &str| format!("{{servers: [{{hosts: [a.com], {rest}}}]}}");
    each(
        "Gateway",
        &[
            (
                server(
                    "port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: a}",
                ),
                "tls.mode",
                Severity::Note,
            ),
            (
                server("port: {number: 80, name: http, protocol: HTTP}, bind: 127.0.0.1"),
                "bind",
                Severity::Note,
            ),
            (
                server("port: {number: 80, name: tcp, protocol: TCP}"),
                "protocol",
                Severity::Warning,
            ),
        ],
    );
}

#[test]
fn of_a_local_rate_limit() {
    const TYPE: &str = "'@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, stat_prefix: a";
    const BUCKET: &str = "token_bucket: {max_tokens: 1, fill_interval: 1s}";
    let patch = |matches: &str, operation: &str, config: &str| {
        format!(
            "{{configPatches: [{{applyTo: HTTP_FILTER, match: {{{matches}}}, patch: {{operation: {operation}, value: {{name: envoy.filters.http.local_ratelimit, typed_config: {{{TYPE}, {BUCKET}{config}}}}}}}}}]}}"
        )
    };
    let config = |config: &str| patch("", "INSERT_FIRST", &format!(", {config}"));
    each(
        "EnvoyFilter",
        &[
            (
                config("local_cluster_rate_limit: {}"),
                "local_cluster_rate_limit",
                Severity::Warning,
            ),
            (
                config("local_rate_limit_per_downstream_connection: true"),
                "local_rate_limit_per_downstream_connection",
                Severity::Note,
            ),
            (
                config("vh_rate_limits: INCLUDE"),
                "vh_rate_limits",
                Severity::Warning,
            ),
            (
                config("rate_limits: [{actions: [{dynamic_metadata: {}}]}]"),
                "actions[0]",
                Severity::Warning,
            ),
            (
                config("filter_enabled: {runtime_key: a, default_value: {numerator: 100}}"),
                "runtime_key",
                Severity::Note,
            ),
            (
                config("response_headers_to_add: [{header: {key: x-a, value: '%PROTOCOL%'}}]"),
                "value",
                Severity::Note,
            ),
            (
                config(
                    "request_headers_to_add_when_not_enforced: [{header: {key: a, value: '%PROTOCOL%'}}]",
                ),
                "value",
                Severity::Note,
            ),
            (patch("", "MERGE", ""), "operation", Severity::Warning),
            (
                patch("proxy: {proxyVersion: '1.*'}", "INSERT_FIRST", ""),
                "proxy",
                Severity::Note,
            ),
            (
                patch(
                    "context: WAYPOINT, waypoint: {portNumber: 80}",
                    "INSERT_FIRST",
                    "",
                ),
                "context",
                Severity::Warning,
            ),
        ],
    );
    assert!(
        told(
            "EnvoyFilter",
            &config("rate_limits: [{actions: [{remote_address: {}}]}]")
        )
        .is_empty()
    );
}

#[test]
fn a_limit_of_a_route_needs_the_filter_as_envoy_has_it() {
    let patch = |apply_to: &str, operation: &str, value: &str| {
        format!(
            "{{applyTo: {apply_to}, match: {{context: SIDECAR_INBOUND}}, patch: {{operation: {operation}, value: {{{value}}}}}}}"
        )
    };
    let on = "filter_enabled: {default_value: {numerator: 100}}, filter_enforced: {default_value: {numerator: 100}}";
    let typed = "'@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, stat_prefix: a";
    let route = patch(
        "HTTP_ROUTE",
        "MERGE",
        &format!(
            "typed_per_filter_config: {{envoy.filters.http.local_ratelimit: {{{typed}, token_bucket: {{max_tokens: 1, fill_interval: 1s}}, {on}}}}}"
        ),
    );
    let filter = patch(
        "HTTP_FILTER",
        "INSERT_FIRST",
        &format!("name: envoy.filters.http.local_ratelimit, typed_config: {{{typed}}}"),
    );
    for (patches, expected) in [
        (route.clone(), 1),
        (format!("{filter}, {route}"), 0),
        (
            format!("{}, {route}", filter.replace("INBOUND", "OUTBOUND")),
            1,
        ),
    ] {
        let documents = Documents::from_yaml(&format!(
            "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {{name: a}}\nspec: {{configPatches: [{patches}]}}\n"
        ));
        let found = documents.diagnostics().iter();
        let found = found
            .filter(|found| found.code() == Code::LimitNotEnforced)
            .count();
        assert_eq!(found, expected, "{patches}");
    }
}

#[test]
fn an_error_among_a_hundred_notes_is_still_one() {
    let hosts: Vec<_> = (0..120)
        .map(|n| format!("{{match: [{{uri: {{prefix: /{n}}}, statPrefix: a}}], {TO_A}}}"))
        .collect();
    let text = format!(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: a}}\nspec: {{hosts: [a.com], http: [{}]}}\n",
        hosts.join(", ")
    );
    let documents = Documents::from_yaml(&text.repeat(2));
    let found = documents.diagnostics().iter();
    let errors = found
        .filter(|found| found.code() == Code::DuplicateObject)
        .count();
    assert!(errors > 0);
    assert!(
        documents
            .resources()
            .iter()
            .any(|resource| !resource.is_valid())
    );
}
