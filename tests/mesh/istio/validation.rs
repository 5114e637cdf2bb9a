//! What Istio 1.31 and the schemas of its kinds take, warn of and refuse, kind by kind.

use meshless::istio::{Documents, Severity};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    Refused,
    Taken,
    Warned,
}

use Verdict::{Refused, Taken, Warned};

fn document(kind: &str, spec: &str) -> String {
    let group = match kind {
        "AuthorizationPolicy" | "PeerAuthentication" | "RequestAuthentication" => "security",
        "Telemetry" => "telemetry",
        _ => "networking",
    };
    let version = if kind == "EnvoyFilter" {
        "v1alpha3"
    } else {
        "v1"
    };
    format!(
        "apiVersion: {group}.istio.io/{version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n"
    )
}

/// What Istio would say, of which the findings that nothing is enforced are no part.
fn verdict(text: &str) -> (Verdict, String) {
    let documents = Documents::from_yaml(text);
    let own = [
        "IST0101", "IST0128", "MSH0009", "MSH0011", "MSH0012", "MSH0013", "MSH0018",
    ];
    let found = documents.diagnostics().iter();
    let found: Vec<_> = found
        .filter(|found| found.severity() > Severity::Note && !own.contains(&found.code().as_str()))
        .collect();
    let verdict = match found.iter().map(|found| found.severity()).max() {
        Some(Severity::Error) => Refused,
        Some(_) => Warned,
        None => Taken,
    };
    let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
    (verdict, shown.join("\n"))
}

fn each(kind: &str, around: &str, cases: &[(&str, Verdict)]) {
    for (text, expected) in cases {
        let document = document(kind, &around.replace("HERE", text));
        let (verdict, found) = verdict(&document);
        assert_eq!(verdict, *expected, "{document}\n{found}");
    }
}

#[test]
fn virtual_services_of_gateways_take_the_names_that_only_gateways_see() {
    let claim = |gateways: &str, headers: &str| {
        format!(
            "{{hosts: [a.com], {gateways} http: [{{match: [{{{headers}}}], route: [{{destination: {{host: a.com}}}}]}}]}}"
        )
    };
    let at_gateway = "gateways: [istio-system/ingress],";
    for (gateways, headers, expected) in [
        (
            at_gateway,
            "headers: {'@request.auth.claims.sub': {exact: a}}",
            Taken,
        ),
        (
            at_gateway,
            "headers: {'@Request.Auth.Claims[a][b]': {exact: a}}",
            Taken,
        ),
        (
            at_gateway,
            "withoutHeaders: {'@request.auth.claims.sub': {}}",
            Taken,
        ),
        (
            at_gateway,
            "headers: {'@request.auth.claims': {exact: a}}",
            Refused,
        ),
        (
            "",
            "headers: {'@request.auth.claims.sub': {exact: a}}",
            Refused,
        ),
        (
            "gateways: [mesh],",
            "headers: {'@request.auth.claims.sub': {exact: a}}",
            Refused,
        ),
        ("", "withoutHeaders: {x-a: {regex: '*'}}", Taken),
        ("", "headers: {x-a: {regex: '*'}}", Refused),
        ("", "headers: {':authority': {exact: a}}", Taken),
        ("", "headers: {x.a: {exact: a}}", Taken),
        ("", "headers: {':port': {exact: a}}", Refused),
        ("", "headers: {x a: {exact: a}}", Refused),
        ("", "gateways: [./a]", Refused),
    ] {
        let text = document("VirtualService", &claim(gateways, headers));
        let (verdict, found) = verdict(&text);
        assert_eq!(verdict, expected, "{text}\n{found}");
    }
    each(
        "VirtualService",
        "{hosts: [HERE], gateways: [a/b], tls: [{match: [{port: 15443, sniHosts: [HERE]}], route: [{destination: {host: a.com}}]}]}",
        &[
            ("outbound_.80_._.a.b.mesh", Taken),
            ("outbound_.x_._.a.b.mesh", Refused),
            ("inbound_.80_._.a.b.mesh", Refused),
        ],
    );
}

#[test]
fn routes_are_judged_field_by_field() {
    each(
        "VirtualService",
        "{hosts: [a.com], http: [{route: [{destination: {host: a.com}}], HERE}]}",
        &[
            ("fault: {abort: {percentage: {value: 100}}}", Warned),
            ("fault: {delay: {percentage: {value: 100}}}", Warned),
            ("fault: {}", Refused),
            (
                "mirrors: [{destination: {host: a.com}, percentage: {value: 0.00001}}]",
                Taken,
            ),
            ("mirrors: [null]", Refused),
            (
                "mirror: {host: a.com}, mirrorPercentage: {value: 101}",
                Refused,
            ),
            ("mirror: {host: a.com, port: {}}", Refused),
            ("retries: {attempts: 0, backoff: 1s}", Refused),
            ("retries: {attempts: 0, retryOn: ''}", Taken),
            ("retries: {attempts: 0, perTryTimeout: 1s}", Refused),
            ("retries: {attempts: 1, retryOn: '5xx,429'}", Taken),
            ("retries: {attempts: 1, retryOn: '5xx, 429'}", Refused),
            ("retries: {attempts: 1, retryOn: '599'}", Refused),
            ("corsPolicy: {allowOrigins: [{}]}", Refused),
            ("corsPolicy: {allowHeaders: ['*', x-a]}", Taken),
            ("corsPolicy: {allowHeaders: ['x a']}", Refused),
            ("headers: {request: {set: {x-a: \"a\\nb\"}}}", Refused),
            ("headers: {request: {set: {x-a: '%lower%'}}}", Taken),
            ("headers: {request: {set: {x-a: '%REQ(x)'}}}", Refused),
            (
                "headers: {request: {set: {x-a: '%A([\"x\", \"y\"])%'}}}",
                Taken,
            ),
            (
                "headers: {request: {set: {x-a: '%A([\"x\" y])%'}}}",
                Refused,
            ),
        ],
    );
    each(
        "VirtualService",
        "{hosts: [a.com], http: [{HERE}]}",
        &[
            (
                "redirect: {port: 80, derivePort: FROM_REQUEST_PORT}",
                Refused,
            ),
            ("redirect: {port: 70000}", Refused),
            ("redirect: {derivePort: FROM_REQUEST_PORT}", Taken),
            ("directResponse: {status: 200, body: {}}", Taken),
            (
                "directResponse: {status: 200}, fault: {delay: {fixedDelay: 1s}}",
                Refused,
            ),
            ("route: [{destination: {host: a.com, port: {}}}]", Refused),
            ("route: [null]", Refused),
        ],
    );
}

#[test]
fn destination_rules_are_judged_field_by_field() {
    each(
        "DestinationRule",
        "{host: a.com, trafficPolicy: {HERE}}",
        &[
            ("connectionPool: {tcp: {idleTimeout: 0s}}", Taken),
            ("connectionPool: {tcp: {idleTimeout: 1.0001s}}", Refused),
            ("connectionPool: {http: {idleTimeout: 0s}}", Refused),
            ("connectionPool: {tcp: {tcpKeepalive: {time: 0s}}}", Refused),
            (
                "outlierDetection: {outlierDetectionHttpErrorCodes: [503, 429]}",
                Taken,
            ),
            (
                "outlierDetection: {outlierDetectionHttpErrorCodes: [99]}",
                Refused,
            ),
            (
                "tls: {mode: ISTIO_MUTUAL, insecureSkipVerify: true, subjectAltNames: [a]}",
                Taken,
            ),
            (
                "tls: {mode: SIMPLE, insecureSkipVerify: true, subjectAltNames: [a]}",
                Refused,
            ),
            (
                "tls: {mode: SIMPLE, credentialName: 'configmap://other/a'}",
                Refused,
            ),
            (
                "tls: {mode: SIMPLE, credentialName: 'configmap://a'}",
                Taken,
            ),
            ("portLevelSettings: [{port: {number: 80}}]", Refused),
            (
                "portLevelSettings: [{port: {}, tls: {mode: DISABLE}}]",
                Warned,
            ),
            ("portLevelSettings: [null]", Refused),
            ("retryBudget: {percent: 20, budgetInterval: 10s}", Taken),
        ],
    );
    each(
        "DestinationRule",
        "{host: a.com, HERE}",
        &[
            ("subsets: [null]", Refused),
            ("workloadSelector: {matchLabels: {'*': a}}", Refused),
            ("workloadSelector: {}", Warned),
        ],
    );
}

#[test]
fn load_balancers_are_judged_field_by_field() {
    each(
        "DestinationRule",
        "{host: a.com, trafficPolicy: {HERE}}",
        &[
            (
                "loadBalancer: {backendUtilization: {weightUpdatePeriod: 1s}}",
                Taken,
            ),
            (
                "loadBalancer: {simple: RANDOM, backendUtilization: {}}",
                Refused,
            ),
            (
                "loadBalancer: {consistentHash: {useSourceIp: true, httpHeaderName: a}}",
                Refused,
            ),
            (
                "loadBalancer: {consistentHash: {httpHeaderName: ':path'}}",
                Taken,
            ),
            (
                "loadBalancer: {consistentHash: {useSourceIp: true, maglev: {}}}",
                Refused,
            ),
            (
                "loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 5000011}}}",
                Refused,
            ),
            (
                "loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 65537}}}",
                Taken,
            ),
            (
                "loadBalancer: {consistentHash: {useSourceIp: true, ringHash: {}, maglev: {tableSize: 7}}}",
                Refused,
            ),
            (
                "loadBalancer: {consistentHash: {useSourceIp: true, minimumRingSize: 7}}",
                Warned,
            ),
            (
                "loadBalancer: {consistentHash: {useSourceIp: true, minimumRingSize: 7, ringHash: {}}}",
                Refused,
            ),
            (
                "loadBalancer: {consistentHash: {httpCookie: {name: a, attributes: [{name: SameSite, value: Lax}, {name: SameSite, value: Strict}]}}}",
                Refused,
            ),
            (
                "loadBalancer: {zoneAwareLbSetting: {failoverPriority: [topology.kubernetes.io/region]}}, outlierDetection: {}",
                Refused,
            ),
            (
                "loadBalancer: {zoneAwareLbSetting: {minClusterSize: 0}}",
                Refused,
            ),
            (
                "loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}], failoverPriority: [topology.istio.io/network]}}, outlierDetection: {}",
                Taken,
            ),
            (
                "loadBalancer: {localityLbSetting: {distribute: [{to: {a: 100}}]}}",
                Refused,
            ),
        ],
    );
}

#[test]
fn service_entries_and_workloads_are_judged_field_by_field() {
    let many = |item: &str, n: usize| vec![item; n].join(", ");
    let too_many = format!("hosts: [a.com], addresses: [{}]", many("10.0.0.1", 257));
    each(
        "ServiceEntry",
        "{resolution: STATIC, HERE}",
        &[
            (
                "hosts: [a.com], ports: [{number: 80, name: a_b, protocol: HTTP}]",
                Refused,
            ),
            (
                "hosts: [a.com], ports: [{number: 80, name: a, protocol: HBONE}]",
                Taken,
            ),
            (
                "hosts: [a.com, b.com], ports: [{number: 80, name: a, protocol: TCP}]",
                Refused,
            ),
            (
                "hosts: [a.com, b.com], ports: [{number: 80, name: a, protocol: TLS}]",
                Taken,
            ),
            ("hosts: [a.com], endpoints: [null]", Refused),
            (
                "hosts: [a.com], endpoints: [{address: 10.0.0.1, ports: {a: 80}}]",
                Refused,
            ),
            (
                "hosts: [a.com], ports: [{number: 80, name: a, protocol: HTTP}], endpoints: [{address: 'unix:///a/'}]",
                Refused,
            ),
            ("hosts: [a.com], workloadSelector: {}", Warned),
            (&too_many, Refused),
        ],
    );
    each(
        "WorkloadEntry",
        "{address: 10.0.0.1, HERE}",
        &[
            ("ports: {http: 80}", Taken),
            ("ports: {a_b: 80}", Refused),
            ("ports: {http: 0}", Refused),
        ],
    );
    each(
        "WorkloadGroup",
        "{template: {ports: {http: 80}}, HERE}",
        &[
            ("metadata: {labels: {app: a}}", Taken),
            ("metadata: {labels: {app: a b}}", Refused),
            ("probe: {}", Refused),
            ("probe: {tcpSocket: {port: 0}}", Refused),
            ("probe: {tcpSocket: {port: 80}}", Taken),
            ("probe: {grpc: {port: 70000}}", Refused),
            ("probe: {exec: {command: []}}", Refused),
            ("probe: {httpGet: {port: 80, scheme: ftp}}", Refused),
            ("probe: {httpGet: {port: 80}, grpc: {port: 80}}", Refused),
        ],
    );
}

#[test]
fn a_wildcard_that_is_looked_up_by_each_request_may_be_of_the_mesh_but_for_waypoints() {
    let entry = |labels: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: a, labels: {labels}}}\nspec: {{hosts: ['*.a.com'], ports: [{{number: 80, name: http, protocol: HTTP}}], location: MESH_INTERNAL, resolution: DYNAMIC_DNS}}\n"
        )
    };
    assert_eq!(verdict(&entry("{}")).0, Taken);
    assert_eq!(verdict(&entry("{istio.io/use-waypoint: none}")).0, Taken);
    assert_eq!(verdict(&entry("{istio.io/use-waypoint: a}")).0, Refused);
}

#[test]
fn gateways_are_judged_field_by_field() {
    each(
        "Gateway",
        "{servers: [{hosts: [a.com], HERE}]}",
        &[
            (
                "port: {number: 80, name: a, protocol: HTTP}, tls: {}",
                Taken,
            ),
            (
                "port: {number: 80, name: a, protocol: HTTP}, tls: {mode: PASSTHROUGH, httpsRedirect: true}",
                Taken,
            ),
            (
                "port: {number: 80, name: a, protocol: HTTP}, tls: {mode: SIMPLE, credentialName: a}",
                Refused,
            ),
            (
                "port: {number: 443, name: a, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: a, httpsRedirect: true}",
                Warned,
            ),
            (
                "port: {number: 443, name: a, protocol: HTTPS}, tls: {mode: SIMPLE, credentialNames: []}",
                Refused,
            ),
            (
                "port: {number: 443, name: a, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: a, ecdhCurves: [P-256]}",
                Taken,
            ),
            (
                "port: {number: 443, name: a, protocol: HTTPS}, tls: {mode: SIMPLE, serverCertificate: /a, privateKey: /b, caCrl: /c}",
                Refused,
            ),
            (
                "port: {number: 80, name: a, protocol: HTTP}, bind: 'unix:///a'",
                Refused,
            ),
        ],
    );
    each(
        "Gateway",
        "{servers: [{hosts: [a.com], port: {number: 443, name: a, protocol: HTTPS}, tls: {HERE}}]}",
        &[
            (
                "mode: SIMPLE, tlsCertificates: [{serverCertificate: /a, privateKey: /b}]",
                Taken,
            ),
            (
                "mode: SIMPLE, tlsCertificates: [{serverCertificate: /a}]",
                Refused,
            ),
            (
                "mode: MUTUAL, tlsCertificates: [{serverCertificate: /a, privateKey: /b}]",
                Refused,
            ),
            (
                "mode: SIMPLE, credentialName: a, serverCertificate: /a, privateKey: /b",
                Refused,
            ),
            ("mode: ISTIO_MUTUAL, tlsCertificates: [{}]", Refused),
            (
                "mode: SIMPLE, credentialName: a, minProtocolVersion: TLSV1_1",
                Warned,
            ),
        ],
    );
    let named = |kind: &str, name: &str| {
        let text = document(
            kind,
            "{servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: [a.com]}]}",
        );
        verdict(&text.replace("name: a}\nspec", &format!("name: {name}}}\nspec"))).0
    };
    assert_eq!(named("Gateway", "a.b"), Refused);
    assert_eq!(named("Gateway", "a-b"), Taken);
}

#[test]
fn policies_of_security_are_judged_field_by_field() {
    each(
        "RequestAuthentication",
        "{jwtRules: [{issuer: a, HERE}]}",
        &[
            ("presence: REQUIRED", Taken),
            ("audiences: ['']", Refused),
            ("presence: SOMETIMES", Refused),
            ("jwksUri: 'https://a.com:443/jwks'", Taken),
            ("jwksUri: 'https://a.com:https/jwks'", Refused),
            ("jwksUri: 'https://[::1]/jwks'", Taken),
            ("jwksUri: 'https://[::1]:x/jwks'", Refused),
            ("jwksUri: 'https://a.com', jwks: '{\"keys\": []}'", Refused),
            ("fromHeaders: [null]", Refused),
        ],
    );
    each(
        "RequestAuthentication",
        "{jwtRules: [{HERE}]}",
        &[
            ("jwksUri: 'https://a.com/jwks'", Taken),
            ("jwks: '{\"keys\": []}'", Refused),
        ],
    );
    each(
        "AuthorizationPolicy",
        "{HERE}",
        &[
            ("action: AUDIT", Taken),
            ("action: DENY", Refused),
            ("selector: {}, rules: [{}]", Warned),
            ("rules: [null]", Refused),
            (
                "action: DENY, rules: [{from: [{source: {requestPrincipals: [a/b]}}]}]",
                Warned,
            ),
            (
                "action: DENY, rules: [{from: [{source: {principals: [a/b]}}]}]",
                Taken,
            ),
            (
                "action: CUSTOM, provider: {name: a}, rules: [{from: [{source: {serviceAccounts: [a/b]}}]}]",
                Refused,
            ),
            (
                "targetRefs: [{kind: Service, name: a, namespace: default}]",
                Refused,
            ),
        ],
    );
    for (kind, spec, value, expected) in [
        ("AuthorizationPolicy", "{}", "true", Taken),
        ("AuthorizationPolicy", "{}", "T", Taken),
        ("AuthorizationPolicy", "{}", "on", Refused),
        ("AuthorizationPolicy", "{action: AUDIT}", "true", Refused),
        ("PeerAuthentication", "{}", "true", Refused),
    ] {
        let text = document(kind, spec);
        let annotated = format!("name: a, annotations: {{istio.io/dry-run: '{value}'}}}}\nspec");
        let text = text.replace("name: a}\nspec", &annotated);
        assert_eq!(verdict(&text).0, expected, "{text}");
    }
}

#[test]
fn envoy_filters_are_judged_field_by_field() {
    let value = "value: {name: a}";
    let patch = |operation: &str| format!("patch: {{{operation} {value}}}");
    let insert = patch("operation: INSERT_FIRST,");
    let filter = |name: &str| {
        format!("match: {{listener: {{filterChain: {{filter: {{{name}}}}}}}}}, {insert}")
    };
    each(
        "EnvoyFilter",
        "{configPatches: [{applyTo: HTTP_FILTER, HERE}]}",
        &[
            (&insert, Taken),
            (&patch(""), Refused),
            (&patch("operation: INVALID,"), Refused),
            (&patch("operation: MERGE_AND_REPLACE_LIST,"), Taken),
            ("match: {}", Refused),
            (
                &format!("match: {{cluster: {{service: a}}}}, {insert}"),
                Refused,
            ),
            (&format!("match: {{context: WAYPOINT}}, {insert}"), Refused),
            (
                &filter(
                    "name: envoy.filters.network.http_connection_manager, subFilter: {name: a}",
                ),
                Taken,
            ),
            (
                &filter("name: envoy.filters.network.tcp_proxy, subFilter: {name: a}"),
                Refused,
            ),
            (&filter("subFilter: {name: a}"), Refused),
        ],
    );
    each(
        "EnvoyFilter",
        "{HERE, configPatches: [{applyTo: CLUSTER, match: {cluster: {}}, patch: {operation: MERGE, value: {}}}]}",
        &[
            ("workloadSelector: {labels: {app: a}}", Taken),
            ("workloadSelector: {}", Warned),
            ("workloadSelector: {labels: {app: 'a*'}}", Refused),
            (
                "workloadSelector: {labels: {app: a}}, targetRefs: [{kind: Service, name: a}]",
                Refused,
            ),
        ],
    );
}

#[test]
fn sidecars_and_telemetries_are_judged_field_by_field() {
    each(
        "Sidecar",
        "{HERE}",
        &[
            ("", Refused),
            ("egress: [{hosts: ['./*', 'istio-system/*']}]", Taken),
            ("egress: [{hosts: ['./a']}]", Refused),
            ("egress: [{hosts: ['~/*']}]", Taken),
            (
                "egress: [{hosts: ['*/*']}, {port: {number: 80, protocol: HTTP}, hosts: ['*/*']}]",
                Refused,
            ),
            (
                "egress: [{port: {number: 0, protocol: HTTP}, bind: 'unix:///a', hosts: ['*/*']}]",
                Taken,
            ),
            (
                "ingress: [{port: {number: 80, protocol: HTTP}, defaultEndpoint: '127.0.0.1:8080'}]",
                Taken,
            ),
            (
                "ingress: [{port: {number: 80, protocol: HTTP}, defaultEndpoint: '10.0.0.1:8080'}]",
                Refused,
            ),
            (
                "ingress: [{port: {number: 80, protocol: HTTP}}, {port: {number: 80, protocol: HTTP}}]",
                Refused,
            ),
            (
                "outboundTrafficPolicy: {egressProxy: {host: a.com, port: {number: 80}}}",
                Refused,
            ),
        ],
    );
    each(
        "Telemetry",
        "{HERE}",
        &[
            (
                "metrics: [{overrides: [{match: {customMetric: ''}}]}]",
                Refused,
            ),
            (
                "metrics: [{overrides: [{match: {metric: REQUEST_COUNT, mode: CLIENT}, disabled: true}]}]",
                Taken,
            ),
            (
                "metrics: [{overrides: [{match: {metric: REQUEST_COUNT, customMetric: a}}]}]",
                Refused,
            ),
            (
                "metrics: [{overrides: [{tagOverrides: {a: null}}]}]",
                Refused,
            ),
            (
                "tracing: [{customTags: {a: {formatter: {value: '%A%'}}}}]",
                Taken,
            ),
            ("tracing: [{customTags: {a: {header: {}}}}]", Refused),
            ("tracing: [{}, {}]", Warned),
            (
                "accessLogging: [{providers: [{name: envoy}], filter: {expression: 'response.code >= 400'}}]",
                Taken,
            ),
            // Without a provider of its own it needs defaults of the mesh: `IST0157`.
            (
                "accessLogging: [{filter: {expression: 'response.code >= 400'}}]",
                Warned,
            ),
        ],
    );
}
