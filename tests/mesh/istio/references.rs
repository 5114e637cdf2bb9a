//! What documents refer to, and what they show of it: hosts, ports, subsets, gateways, workloads.

use meshless::istio::{Documents, Severity};

/// Returns the warnings of a text as `CODE field: mend`.
fn warnings(text: &str) -> Vec<String> {
    let documents = Documents::from_yaml(text);
    assert!(
        !documents.has_errors(),
        "{text}\n{:#?}",
        documents.diagnostics()
    );
    let found = documents.diagnostics().iter();
    found
        .filter(|one| one.severity() == Severity::Warning)
        .map(|one| format!("{} {}: {}", one.code(), one.field(), one.help()))
        .collect()
}

fn networking(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

fn entry(host: &str, rest: &str) -> String {
    let spec = format!(
        "{{hosts: [{host}], ports: [{{number: 9080, name: http, protocol: HTTP}}], {rest}}}"
    );
    networking("ServiceEntry", "e", &spec)
}

const FIXED: &str = "resolution: STATIC, endpoints: [{address: 10.0.0.1, labels: {version: v1}}]";

fn routes(hosts: &str, destination: &str) -> String {
    let spec =
        format!("{{hosts: [{hosts}], http: [{{route: [{{destination: {{{destination}}}}}]}}]}}");
    networking("VirtualService", "v", &spec)
}

fn service(name: &str, ports: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{app: {name}}}, ports: [{ports}]}}\n"
    )
}

fn deployment(name: &str, labels: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec: {{template: {{metadata: {{labels: {{{labels}}}}}}}}}\n"
    )
}

#[test]
fn a_host_that_is_nearly_one_of_the_documents_is_a_slip() {
    let known = entry("reviews.default.svc.cluster.local", FIXED);
    for (text, field, expected) in [
        (
            routes("revews", "host: reviews"),
            "spec.hosts[0]",
            "reviews",
        ),
        (
            routes("reviews", "host: revews"),
            "spec.http[0].route[0].destination.host",
            "reviews",
        ),
        (
            routes("reviews", "host: reviews.defualt.svc.cluster.local"),
            "spec.http[0].route[0].destination.host",
            "reviews.default.svc.cluster.local",
        ),
        (
            networking(
                "DestinationRule",
                "r",
                "{host: reveiws, trafficPolicy: {tls: {mode: DISABLE}}}",
            ),
            "spec.host",
            "reviews.default.svc.cluster.local",
        ),
    ] {
        let found = warnings(&(known.clone() + &text));
        let [found] = &found[..] else {
            panic!("{text}{found:#?}")
        };
        assert!(found.contains(&format!(" {field}: ")), "{found}");
        assert!(
            found.ends_with(&format!("did you mean `{expected}`?")),
            "{found}"
        );
    }
}

#[test]
fn hosts_that_are_others_or_of_no_document_are_no_slips() {
    let known = entry("reviews-v1.default.svc.cluster.local", FIXED)
        + &entry("api.example.com", FIXED).replace("name: e", "name: f");
    for text in [
        routes("reviews-v2", "host: reviews-v2"),
        routes("ratings", "host: ratings"),
        routes("www.example.com", "host: www.example.com"),
        routes("reviews-v1.default", "host: reviews-v1.default.svc"),
        routes("reviews-v1", "host: reviews-v1.default"),
    ] {
        assert_eq!(
            warnings(&(known.clone() + &text)),
            Vec::<String>::new(),
            "{text}"
        );
    }
}

#[test]
fn where_the_services_of_a_namespace_are_shown_another_host_of_it_is_unknown() {
    let known = service("reviews", "{name: http, port: 9080}");
    let found = warnings(&(known.clone() + &routes("reviews", "host: ratings")));
    assert_eq!(
        found,
        [
            "IST0101 spec.http[0].route[0].destination.host: name a service that there is, or add its document"
        ]
    );
    // Of another namespace nothing is shown.
    let other = routes("reviews", "host: ratings.other.svc.cluster.local");
    assert!(warnings(&(known + &other)).is_empty());
    // Nor does another project's Service say anything of hosts.
    let other =
        "---\napiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: reviews}\n";
    assert!(warnings(&(other.to_owned() + &routes("ratings", "host: ratings"))).is_empty());
}

#[test]
fn a_port_that_a_service_lacks_is_told_of_and_one_of_several_is_asked_for() {
    let one = entry("reviews.default.svc.cluster.local", FIXED);
    let several = one.replace(
        "protocol: HTTP}]",
        "protocol: HTTP}, {number: 9081, name: http-b, protocol: HTTP}]",
    );
    let kubernetes = service(
        "reviews",
        "{name: http, port: 9080}, {name: http-b, port: 9081}",
    );
    let port = "spec.http[0].route[0].destination.port.number";
    let host = "spec.http[0].route[0].destination.host";
    for (known, destination, expected) in [
        (&one, "host: reviews, port: {number: 9080}", None),
        (&one, "host: reviews", None),
        (
            &one,
            "host: reviews, port: {number: 80}",
            Some(format!("IST0101 {port}: did you mean `9080`?")),
        ),
        (
            &several,
            "host: reviews, port: {number: 80}",
            Some(format!(
                "IST0101 {port}: write one of its ports, or add the port to it"
            )),
        ),
        (&several, "host: reviews, port: {number: 9081}", None),
        (
            &several,
            "host: reviews",
            Some(format!("IST0112 {host}: write `port: {{number: …}}`")),
        ),
        (
            &kubernetes,
            "host: reviews",
            Some(format!("IST0112 {host}: write `port: {{number: …}}`")),
        ),
        (
            &kubernetes,
            "host: reviews, port: {number: 80}",
            Some(format!(
                "IST0101 {port}: write one of its ports, or add the port to it"
            )),
        ),
    ] {
        let found = warnings(&(known.clone() + &routes("reviews", destination)));
        assert_eq!(found, Vec::from_iter(expected), "{destination}");
    }
}

#[test]
fn a_subset_whose_labels_no_endpoint_has_is_told_of() {
    let host = "reviews.default.svc.cluster.local";
    let rule = |labels: &str| {
        networking(
            "DestinationRule",
            "r",
            &format!("{{host: reviews, subsets: [{{name: a, labels: {{{labels}}}}}]}}"),
        )
    };
    let pods = service("reviews", "{name: http, port: 9080}")
        + &deployment("reviews", "app: reviews, version: v1");
    let selects_nothing = |known: &str, labels: &str| {
        let found = warnings(&(known.to_owned() + &rule(labels)));
        found.iter().any(|one| one.starts_with("IST0173"))
    };
    let fixed = entry(host, FIXED);
    for (known, is_seen) in [
        (&fixed, true),
        (&pods, true),
        (
            &entry(
                host,
                "resolution: DNS, endpoints: [{address: a.example.com, labels: {version: v1}}]",
            ),
            true,
        ),
        (&entry(host, "resolution: DNS"), true),
        // Where it listens is not known from the documents.
        (&entry(host, "resolution: NONE"), false),
        (&service("reviews", "{name: http, port: 9080}"), false),
        (
            &entry(
                host,
                "resolution: STATIC, workloadSelector: {labels: {app: reviews}}",
            ),
            false,
        ),
    ] {
        assert_eq!(selects_nothing(known, "version: v2"), is_seen, "{known}");
    }
    assert!(!selects_nothing(&fixed, "version: v1"));
    assert!(!selects_nothing(&pods, "version: v1"));
    assert!(!selects_nothing(&pods, "topology.kubernetes.io/zone: a"));
    assert!(selects_nothing(&fixed, "version: v1, tier: gold"));
}

#[test]
fn gateways_delegates_and_subsets_are_suggested_by_their_names() {
    let gateway = networking(
        "Gateway",
        "front-door",
        "{selector: {app: a}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [shop.example.com]}]}",
    );
    let rule = networking(
        "DestinationRule",
        "r",
        "{host: reviews, subsets: [{name: stable}]}",
    );
    let delegate = networking(
        "VirtualService",
        "admin-routes",
        "{http: [{route: [{destination: {host: admin}}]}]}",
    );
    let with = |spec: &str| {
        gateway.clone()
            + &rule
            + &delegate
            + &networking("VirtualService", "v", spec)
            + &networking(
                "VirtualService",
                "w",
                "{hosts: [w], http: [{delegate: {name: admin-routes}}]}",
            )
    };
    let to = "http: [{route: [{destination: {host: reviews}}]}]";
    for (spec, expected) in [
        (
            format!("{{hosts: [shop.example.com], gateways: [front-dor], {to}}}"),
            "front-door",
        ),
        (
            "{hosts: [a], http: [{delegate: {name: admin-route}}]}".into(),
            "admin-routes",
        ),
        (
            "{hosts: [a], http: [{route: [{destination: {host: reviews, subset: stabel}}]}]}"
                .into(),
            "stable",
        ),
        (
            format!("{{hosts: [shop.exmaple.com], gateways: [front-door], {to}}}"),
            "shop.example.com",
        ),
    ] {
        let found = warnings(&with(&spec));
        let is_told = |one: &String| one.contains(&format!("did you mean `{expected}`?"));
        assert_eq!(
            found.iter().filter(|one| is_told(one)).count(),
            1,
            "{spec}{found:#?}"
        );
    }
}

#[test]
fn of_several_gateways_each_may_have_some_of_the_hosts() {
    let gateway = |name: &str, host: &str| {
        networking(
            "Gateway",
            name,
            &format!(
                "{{selector: {{app: {name}}}, servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: [{host}]}}]}}"
            ),
        )
    };
    let both = gateway("a", "a.com") + &gateway("b", "b.com");
    let with = |hosts: &str| {
        let service = networking(
            "VirtualService",
            "v",
            &format!(
                "{{hosts: [{hosts}], gateways: [a, b], http: [{{route: [{{destination: {{host: u}}}}]}}]}}"
            ),
        );
        let documents = Documents::from_yaml(&(both.clone() + &service));
        let found = documents.diagnostics().iter();
        found
            .map(|one| (one.code().as_str(), one.severity(), one.field().to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(with("a.com, b.com"), []);
    assert_eq!(
        with("a.com, b.com, c.com"),
        [("IST0132", Severity::Note, "spec.hosts[2]".into())]
    );
    assert_eq!(
        with("a.com"),
        [("IST0132", Severity::Warning, "spec.hosts[0]".into())]
    );
}

#[test]
fn what_selects_workloads_is_judged_by_those_that_are_shown_only() {
    let policy = "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p}\nspec: {selector: {matchLabels: {app: a}}}\n";
    let sidecar = |name: &str, labels: &str| {
        networking(
            "Sidecar",
            name,
            &format!(
                "{{workloadSelector: {{labels: {{{labels}}}}}, egress: [{{hosts: ['./*']}}]}}"
            ),
        )
    };
    let found = |text: &str| {
        let mut found: Vec<_> = super::codes(text)
            .into_iter()
            .filter(|code| code.starts_with("IST"))
            .collect();
        found.dedup();
        found
    };
    assert!(found(policy).is_empty());
    assert!(found(&(deployment("a", "app: a") + policy)).is_empty());
    assert_eq!(found(&(deployment("b", "app: b") + policy)), ["IST0127"]);
    assert!(found(&sidecar("s", "app: a")).is_empty());
    assert_eq!(
        found(&(deployment("b", "app: b") + &sidecar("s", "app: a"))),
        ["IST0101"]
    );
    // One for the rest of a namespace and one for some of it are no conflict.
    let rest = networking("Sidecar", "rest", "{egress: [{hosts: ['./*']}]}");
    assert!(found(&(rest.clone() + &sidecar("s", "app: a"))).is_empty());
    assert_eq!(
        found(&(rest.clone() + &rest.replace("name: rest", "name: other"))),
        ["IST0111"]
    );
    assert_eq!(
        found(&(sidecar("s", "app: a") + &sidecar("t", "app: a"))),
        ["IST0110"]
    );
    let two = sidecar("s", "app: a") + &sidecar("t", "tier: b");
    assert!(found(&two).is_empty());
    assert_eq!(
        found(&(deployment("a", "app: a, tier: b") + &two)),
        ["IST0110"]
    );
}

#[test]
fn a_token_that_is_verified_may_decide_routes() {
    let gateway = networking(
        "Gateway",
        "g",
        "{selector: {app: g}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.com]}]}",
    );
    let service = networking(
        "VirtualService",
        "v",
        "{hosts: [a.com], gateways: [g], http: [{match: [{headers: {'@request.auth.claims.group': {exact: admin}}}], route: [{destination: {host: a}}]}]}",
    );
    let verified = "---\napiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: r}\nspec: {selector: {matchLabels: {app: LABEL}}, jwtRules: [{issuer: a}]}\n";
    let told = |rest: &str| super::codes(&format!("{gateway}{service}{rest}")).contains(&"IST0149");
    assert!(told(""));
    assert!(!told(&verified.replace("LABEL", "g")));
    assert!(told(&verified.replace("LABEL", "other")));
    assert!(told(
        &verified
            .replace("LABEL", "g")
            .replace("name: r", "name: r, namespace: other")
    ));
    assert!(!told(
        &verified
            .replace("selector: {matchLabels: {app: LABEL}}, ", "")
            .replace("name: r", "name: r, namespace: istio-system")
    ));
}

#[test]
fn a_certificate_of_two_gateways_and_a_port_that_is_let_in_nowhere_are_told_of() {
    let gateway = |name: &str, app: &str, tls: &str| {
        networking(
            "Gateway",
            name,
            &format!(
                "{{selector: {{app: {app}}}, servers: [{{port: {{number: 8443, name: https, protocol: HTTPS}}, hosts: [{name}.com], tls: {{{tls}}}}}]}}"
            ),
        )
    };
    let named = "mode: SIMPLE, credentialName: c";
    let files = "mode: SIMPLE, serverCertificate: /c.pem, privateKey: /k.pem";
    let codes = |text: &str| {
        let mut codes: Vec<_> = super::codes(text)
            .into_iter()
            .filter(|code| code.starts_with("IST"))
            .collect();
        codes.dedup();
        codes
    };
    for tls in [named, files] {
        assert_eq!(
            codes(&(gateway("a", "x", tls) + &gateway("b", "x", tls))),
            ["IST0138"]
        );
        assert!(codes(&(gateway("a", "x", tls) + &gateway("b", "y", tls))).is_empty());
    }
    assert!(codes(&(gateway("a", "x", named) + &gateway("b", "x", files))).is_empty());
    let lets_in = |port: &str| {
        let text = service("x", port) + &deployment("x", "app: x") + &gateway("a", "x", named);
        !codes(&text).contains(&"IST0162")
    };
    assert!(lets_in("{name: https, port: 8443}"));
    assert!(lets_in("{name: https, port: 443, targetPort: 8443}"));
    assert!(
        lets_in("{name: https, port: 443, targetPort: https}"),
        "which port that is, the pods say"
    );
    assert!(!lets_in("{name: https, port: 443}"));
}

#[test]
fn a_subset_that_two_rules_of_one_host_define_is_reported_at_the_second() {
    let rule = |name: &str, namespace: &str, host: &str, subset: &str| {
        format!(
            "---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  host: {host}
  subsets: [{{name: {subset}, labels: {{version: {name}}}}}]
"
        )
    };
    let twice = |text: &str| {
        let documents = Documents::from_yaml(text);
        let found = documents.diagnostics().iter();
        found
            .filter(|found| found.message().contains("defined by two rules"))
            .count()
    };
    let first = rule("a", "shop", "reviews", "v1");
    let long = "reviews.shop.svc.cluster.local";
    assert_eq!(
        twice(&format!("{first}{}", rule("b", "shop", long, "v1"))),
        1
    );
    assert_eq!(
        twice(&format!("{first}{}", rule("b", "shop", long, "v2"))),
        0
    );
    assert_eq!(
        twice(&format!("{first}{}", rule("b", "other", "reviews", "v1"))),
        0
    );
}
