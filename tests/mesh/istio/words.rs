//! What the findings say of the mistakes that people make: one finding for one mistake, with the mend that mends it.

use meshless::istio::{Code, Diagnostic, Documents, Kind, Resource, Severity};

/// Returns the errors of a text as `CODE field: mend`.
fn errors(text: &str) -> Vec<String> {
    let documents = Documents::from_yaml(text);
    let errors = documents.diagnostics().iter();
    errors
        .filter(|one| one.severity() == Severity::Error)
        .map(|one| format!("{} {}: {}", one.code(), one.field(), one.help()))
        .collect()
}

fn networking(kind: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n"
    )
}

fn route(route: &str) -> String {
    networking(
        "VirtualService",
        &format!("{{hosts: [a.com], http: [{{{route}}}]}}"),
    )
}

#[test]
fn one_mistake_is_one_error() {
    let both = "{destination: {host: a, subset: v1, weight: 90}}, {destination: {host: a, subset: v2, weight: 10}}";
    for (text, expected) in [
        (
            route("route: [{destination: {host: a}, weight: '90'}, {destination: {host: b}, weight: '10'}]"),
            &["MSH0004 spec.http[0].route[0].weight", "MSH0004 spec.http[0].route[1].weight"][..],
        ),
        (
            route(&format!("route: [{both}]")),
            &[
                "MSH0003 spec.http[0].route[0].destination.weight",
                "MSH0003 spec.http[0].route[1].destination.weight",
            ],
        ),
        (
            route("routes: [{destination: {host: a}}]"),
            &["MSH0003 spec.http[0].routes"],
        ),
        (
            route("route: [{destination: {hots: a}}]"),
            &["MSH0003 spec.http[0].route[0].destination.hots"],
        ),
        (
            networking("VirtualService", "{host: a, http: [{route: [{destination: {host: a}}]}]}"),
            &["MSH0003 spec.host"],
        ),
        (
            networking("DestinationRule", "{host: a, trafficPolicy: {loadbalancer: {simple: RANDOM}}}"),
            &["MSH0003 spec.trafficPolicy.loadbalancer"],
        ),
        (
            networking("ServiceEntry", "{hosts: 5, ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}"),
            &["MSH0004 spec.hosts"],
        ),
        (
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {nam: a}\nspec: {host: a}\n".into(),
            &["MSH0003 metadata.nam"],
        ),
    ] {
        let found = errors(&text);
        let places: Vec<_> = found.iter().map(|one| one.split(": ").next().unwrap()).collect();
        assert_eq!(places, expected, "{text}{found:#?}");
        // Nor are there warnings that follow from it.
        let documents = Documents::from_yaml(&text);
        let warnings = documents.diagnostics().iter();
        let warnings: Vec<_> = warnings.filter(|one| one.severity() == Severity::Warning).collect();
        assert!(warnings.is_empty(), "{text}{warnings:#?}");
    }
}

#[test]
fn a_number_between_quotes_is_to_be_written_without_them() {
    let found = errors(&route("route: [{destination: {host: a}, weight: '90'}]"));
    assert_eq!(
        found,
        ["MSH0004 spec.http[0].route[0].weight: write it without quotes: 90"]
    );
}

#[test]
fn two_mistakes_are_two_errors() {
    let text = networking(
        "VirtualService",
        "{hosts: [a.com], http: [{route: [{destination: {hots: a}}]}, {timeout: 1s}]}",
    );
    let found = errors(&text);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[1].starts_with("IST0106 spec.http[1].route:"),
        "{found:#?}"
    );
}

#[test]
fn a_field_that_exists_elsewhere_is_moved_there() {
    for (text, expected) in [
        (
            route("route: [{destination: {host: a}, timeout: 0.5s}]"),
            "move `timeout` out of `route`, next to it",
        ),
        (
            route("route: [{destination: {host: a, timeout: 0.5s}}]"),
            "move `timeout` up, to stand in `spec.http[0]`",
        ),
        (
            networking("DestinationRule", "{host: a, outlierDetection: {consecutive5xxErrors: 3}}"),
            "move `outlierDetection` into `trafficPolicy`",
        ),
        (
            networking("DestinationRule", "{host: a, subsets: [{name: v1, outlierDetection: {consecutive5xxErrors: 3}}]}"),
            "move `outlierDetection` into `trafficPolicy`",
        ),
        (
            networking("DestinationRule", "{host: a, trafficPolicy: {maxConnections: 3}}"),
            "move `maxConnections` into `connectionPool.tcp`",
        ),
        (
            route("retries: {attempts: 1, timeout: 3s}, route: [{destination: {host: a}}]"),
            "move `timeout` out of `retries`, next to it",
        ),
        (
            route("uri: {prefix: /}, route: [{destination: {host: a}}]"),
            "move `uri` into `match` or `redirect` or `rewrite`",
        ),
        (
            networking("VirtualService", "{}") + "http: [{route: [{destination: {host: a}}]}]\n",
            "move `http` into `spec`",
        ),
        (
            networking("DestinationRule", "{host: a, subsets: [{name: v1, version: v1}]}"),
            "move `version` into `labels`",
        ),
        (
            networking("DestinationRule", "{host: a, trafficPolicy: {loadBalancer: RANDOM}}"),
            "write an object with fields such as simple, consistentHash, backendUtilization, localityLbSetting, warmupDurationSecs, warmup, zoneAwareLbSetting",
        ),
        (
            networking("EnvoyFilter", "{configPatches: [{applyTo: HTTP_FILTER, patch: {operation: REMOVE, listener: {portNumber: 1}}}]}").replace("io/v1", "io/v1alpha3"),
            "move `listener` into `match`",
        ),
    ] {
        let found = errors(&text);
        assert!(found.iter().any(|one| one.ends_with(&format!(": {expected}"))), "{expected}: {found:#?}");
    }
}

#[test]
fn a_name_that_is_nearly_right_is_suggested() {
    let to = "route: [{destination: {host: a}}]";
    for (text, expected) in [
        (
            route(&format!("matches: [{{uri: {{prefix: /}}}}], {to}")),
            "match",
        ),
        (route(&format!("retry: {{attempts: 2}}, {to}")), "retries"),
        (route(&format!("timeouts: 3s, {to}")), "timeout"),
        (
            route(&format!(
                "retries: {{attempts: 2, retryOn: connection-failure}}, {to}"
            )),
            "connect-failure",
        ),
        (
            route(&format!(
                "retries: {{attempts: 2, retryOn: '5xx,gateway-errors'}}, {to}"
            )),
            "gateway-error",
        ),
        (
            networking(
                "VirtualService",
                "{hosts: [a], gateway: [g], http: [{route: [{destination: {host: a}}]}]}",
            ),
            "gateways",
        ),
        (
            networking(
                "ServiceEntry",
                "{hosts: [a.com], ports: [{number: 80, name: http, protocol: HTPP}], resolution: DNS}",
            ),
            "HTTP",
        ),
    ] {
        let found = errors(&text);
        assert!(
            found
                .iter()
                .any(|one| one.ends_with(&format!("did you mean `{expected}`?"))),
            "{expected}: {found:#?}"
        );
    }
}

#[test]
fn a_helm_template_is_told_of_as_one() {
    let object =
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n";
    for text in [
        format!("{object}  hosts: [{{{{ .Values.host }}}}]\n  http: []\n"),
        format!("{object}  hosts:\n  - {{{{ .Values.host }}}}\n"),
        format!("{{{{- if .Values.enabled }}}}\n{object}  hosts: [a]\n{{{{- end }}}}\n"),
        format!(
            "{object}  hosts: [a]\n  http:\n  {{{{- range .Values.routes }}}}\n  - name: b\n  {{{{- end }}}}\n"
        ),
        format!(
            "{object}  hosts: [\"{{{{ .Values.host }}}}\"]\n  http: [{{route: [{{destination: {{host: a}}}}]}}]\n"
        ),
        format!(
            "{object}  hosts: [a]\n  http: [{{route: [{{destination: {{host: a}}}}], timeout: \"{{{{ .Values.timeout }}}}\"}}]\n"
        ),
    ] {
        let found = errors(&text);
        assert_eq!(found.len(), 1, "{text}{found:#?}");
        assert!(
            found[0].contains("render it first, as with `helm template`"),
            "{text}{found:#?}"
        );
    }
    // Two braces in a text are no template.
    let lua = networking(
        "EnvoyFilter",
        "{configPatches: [{applyTo: HTTP_FILTER, patch: {operation: INSERT_FIRST, value: {name: lua, code: 'return {{1}}'}}}]}",
    );
    assert!(errors(&lua.replace("io/v1", "io/v1alpha3")).is_empty());
}

#[test]
fn a_star_without_quotes_is_told_of_as_one() {
    for (spec, line) in [
        ("  hosts: [*]\n", 5),
        ("  hosts:\n  - *\n  http: []\n", 6),
        ("  hosts:\n  - *.example.com\n  http: []\n", 6),
        ("  hosts: [a, *.example.com]\n", 5),
    ] {
        let text = format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: a}}\nspec:\n{spec}"
        );
        let documents = Documents::from_yaml(&text);
        let [found] = documents.diagnostics() else {
            panic!("{text}{:#?}", documents.diagnostics())
        };
        assert_eq!(
            (found.code(), found.line()),
            (Code::Unreadable, line),
            "{found}"
        );
        assert!(found.help().contains("between quotes"), "{found}");
    }
    // An alias of an anchor that is there is none of them, and one that is not has another reason.
    let text = "a: *b\nc: {d: e}\n";
    let documents = Documents::from_yaml(text);
    assert!(!documents.diagnostics()[0].help().contains("between quotes"));
}

const SERVICE: &str = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: NAME, namespace: shop}\nspec: {hosts: [NAME.com], http: [{route: [{destination: {host: reviews}}]}]}\n";

#[test]
fn a_byte_order_mark_in_front_of_a_document_is_passed_over_as_by_kubectl() {
    let first = SERVICE.replace("NAME", "a");
    for between in ["---\n\u{feff}", "---\r\n\u{feff}", "\u{feff}---\n"] {
        let text = format!("\u{feff}{first}{between}{}", SERVICE.replace("NAME", "b"));
        let documents = Documents::from_yaml(&text);
        assert!(
            documents.diagnostics().is_empty(),
            "{:#?}",
            documents.diagnostics()
        );
        let names: Vec<_> = documents.resources().iter().map(Resource::name).collect();
        assert_eq!(names, ["a", "b"], "{between:?}");
        assert_eq!(documents.resources()[1].line(), 8);
    }
}

#[test]
fn a_list_of_one_kind_is_its_items_as_to_kubectl() {
    let item = "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: a}, spec: {hosts: [a.com], http: [{route: [{destination: {host: a}}]}]}}";
    let bare = item
        .replace(
            "apiVersion: networking.istio.io/v1, kind: VirtualService, ",
            "",
        )
        .replace("name: a", "name: b");
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualServiceList\nmetadata: {{resourceVersion: ''}}\nitems: [{item}, {bare}]\n"
    );
    let documents = Documents::from_yaml(&text);
    let found: Vec<_> = documents
        .resources()
        .iter()
        .map(|one| (one.kind(), one.name(), one.is_valid()))
        .collect();
    assert_eq!(
        found,
        [
            (Kind::VirtualService, "a", true),
            (Kind::VirtualService, "b", true)
        ],
        "{:#?}",
        documents.diagnostics()
    );
    // A list within a list, and one without items.
    let nested = format!(
        "apiVersion: v1\nkind: List\nitems: [{{apiVersion: v1, kind: List, items: [{item}]}}, {{kind: List, items: []}}]\n"
    );
    let documents = Documents::from_yaml(&nested);
    assert_eq!(
        documents.resources().len(),
        1,
        "{:#?}",
        documents.diagnostics()
    );
    assert!(documents.diagnostics().is_empty());
}

#[test]
fn kinds_that_istio_acts_on_are_not_said_to_be_passed_over_by_it() {
    for (api, kind, severity) in [
        (
            "gateway.networking.k8s.io/v1",
            "HTTPRoute",
            Severity::Warning,
        ),
        (
            "gateway.networking.k8s.io/v1",
            "GRPCRoute",
            Severity::Warning,
        ),
        (
            "gateway.networking.k8s.io/v1",
            "BackendTLSPolicy",
            Severity::Warning,
        ),
        ("gateway.networking.k8s.io/v1", "Gateway", Severity::Note),
        ("networking.k8s.io/v1", "Ingress", Severity::Note),
        ("v1", "Service", Severity::Note),
        ("discovery.k8s.io/v1", "EndpointSlice", Severity::Note),
    ] {
        let text = format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: a}}\n");
        let documents = Documents::from_yaml(&text);
        let [found] = documents.diagnostics() else {
            panic!("{:#?}", documents.diagnostics())
        };
        assert_eq!(
            (found.code(), found.severity()),
            (Code::Skipped, severity),
            "{found}"
        );
        assert!(!found.in_istio().contains("passes it over"), "{found}");
    }
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n";
    let documents = Documents::from_yaml(text);
    assert!(
        documents.diagnostics()[0]
            .in_istio()
            .contains("passes it over")
    );
}

/// Actions of virtual hosts and of routes, with and without the filter that counts by them.
#[test]
fn actions_of_a_route_are_no_unknown_patch_where_a_limit_counts_by_them() {
    let filter = "{applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND}, patch: {operation: INSERT_FIRST, value: {name: envoy.filters.http.local_ratelimit, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, stat_prefix: a, token_bucket: {max_tokens: 1, tokens_per_fill: 1, fill_interval: 60s}, filter_enabled: {default_value: {numerator: 100}}, filter_enforced: {default_value: {numerator: 100}}, descriptors: [{entries: [{key: PATH, value: /}], token_bucket: {max_tokens: 1, tokens_per_fill: 1, fill_interval: 60s}}]}}}}";
    let limits = "rate_limits: [{actions: [{request_headers: {header_name: ':path', descriptor_key: PATH}}]}]";
    for (apply_to, value) in [
        ("VIRTUAL_HOST", format!("{{{limits}}}")),
        ("HTTP_ROUTE", format!("{{route: {{{limits}}}}}")),
    ] {
        let actions = format!(
            "{{applyTo: {apply_to}, match: {{context: SIDECAR_INBOUND}}, patch: {{operation: MERGE, value: {value}}}}}"
        );
        let with = |patches: &str| {
            let text = networking("EnvoyFilter", &format!("{{configPatches: [{patches}]}}"));
            let documents = Documents::from_yaml(&text.replace("io/v1", "io/v1alpha3"));
            let found = documents.diagnostics().iter();
            found.map(Diagnostic::code).collect::<Vec<_>>()
        };
        assert_eq!(with(&format!("{actions}, {filter}")), []);
        assert_eq!(with(&actions), [Code::UnknownFilter]);
    }
}

#[test]
fn entries_that_no_namespace_sees_both_of_do_not_conflict() {
    let entry = |name: &str, protocol: &str, export: &str| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: {name}}}\nspec: {{hosts: [x.example], ports: [{{name: a, number: 81, protocol: {protocol}}}], resolution: DNS, exportTo: {export}}}\n"
        )
    };
    let conflicts = |one: &str, two: &str| {
        let text = entry("one", "HTTP", one) + &entry("two", "HTTPS", two);
        super::codes(&text).contains(&"IST0177")
    };
    assert!(!conflicts("['.']", "['.']"));
    assert!(!conflicts("[one]", "[two, three]"));
    assert!(conflicts("['*']", "['.']"));
    assert!(conflicts("['.', two]", "['.']"));
    assert!(conflicts("[]", "[]"));
}
