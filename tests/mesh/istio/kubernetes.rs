//! YAML as Kubernetes reads it, whose parser knows YAML 1.1.

use meshless::istio::{Documents, FieldValidation};
use meshless::mesh::{Error, Mesh};

use super::findings;

fn route(route: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: a}}\nspec:\n  hosts: [a.com]\n  http:\n  - {route}\n"
    )
}

/// What `kubectl` takes as texts and as numbers, Istio gets as such.
#[test]
fn plain_scalars_are_what_kubectl_makes_of_them() {
    let to = |destination: &str| route(&format!("route: [{destination}]"));
    let matched = |text: &str| {
        let one = format!("match: [{{headers: {{x-a: {{exact: {text}}}}}}}]");
        route(&format!(
            "{one}\n    route: [{{destination: {{host: a.com}}}}]"
        ))
    };
    for good in [
        to("{destination: {host: a.com, port: {number: 0120}}}"),
        to("{destination: {host: a.com}, weight: 1_000}"),
        to("{destination: {host: a.com}, weight: 0b11}"),
        to("{destination: {host: a.com}, weight: 08}"),
        matched("tRue"),
        matched("1e400"),
        matched("1:30"),
        matched("2001-01-01"),
        matched("!!str on"),
        matched("!secret abc"),
    ] {
        let documents = Documents::from_yaml(&good);
        assert_eq!(findings(&documents), Vec::<String>::new(), "{good}");
    }
    for bad in [
        to("{destination: {host: a.com, port: {number: 0277777}}}"),
        to("{destination: {host: a.com}, weight: 1:30}"),
        to("{destination: {host: a.com}, weight: 1e400}"),
        matched("on"),
        matched("0100"),
        matched("!!int soon"),
    ] {
        assert!(Documents::from_yaml(&bad).has_errors(), "{bad}");
    }
}

#[test]
fn a_tab_that_a_document_begins_with_is_refused_where_it_stands() {
    let text = route("route: [{destination: {host: a.com}}]");
    let documents = Documents::from_yaml(&format!("\t{text}"));
    assert_eq!(findings(&documents), ["MSH0001 1:1"]);
    let found = &documents.diagnostics()[0];
    assert!(
        found
            .to_string()
            .contains("a tab where Kubernetes takes blanks only"),
        "{found}"
    );
    let json = "{\n\t\"apiVersion\": \"networking.istio.io/v1\",\n\t\"kind\": \"DestinationRule\",\n\t\"metadata\": {\n\t\t\"name\": \"a\"\n\t},\n\t\"spec\": {\"host\": \"a\"}\n}\n";
    assert!(Documents::from_yaml(json).diagnostics().is_empty());
}

#[test]
fn a_merge_key_gives_a_route_what_kubectl_gives_it() {
    let text = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a}
spec:
  host: a.com
  trafficPolicy: &base
    connectionPool: {tcp: {maxConnections: 1}}
  subsets:
  - name: v1
    trafficPolicy: {<<: *base, outlierDetection: {interval: 1s}}
  - name: v2
    trafficPolicy: {connectionPool: {tcp: {maxConnections: -1}}, <<: *base}
";
    let documents = Documents::from_yaml(text);
    // The merged pool stands in place of the one with a negative number.
    assert!(!documents.has_errors(), "{:#?}", documents.diagnostics());
    let text = text.replace("<<: *base}\n\"", "").replace(
        "{connectionPool: {tcp: {maxConnections: -1}}, <<: *base}",
        "{<<: *base, connectionPool: {tcp: {maxConnections: -1}}}",
    );
    assert!(Documents::from_yaml(&text).has_errors());
}

const NEWER: &str = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a}
spec:
  host: a.com
  trafficPolicy:
    outlierDetection: {interval: 1s, quorumOfTheNextDecade: 3, maxEjectionPercent: 100}
";

#[test]
fn a_field_of_a_newer_istio_stops_the_linter_and_no_mesh() {
    let documents = Documents::from_yaml(NEWER);
    assert_eq!(findings(&documents), ["MSH0003 8:38"]);
    assert!(documents.has_errors());

    Mesh::from_yaml(NEWER).unwrap();
    let strict = Mesh::builder().with_field_validation(FieldValidation::Strict);
    let error = strict.read_yaml(NEWER).unwrap_err();
    assert!(matches!(error, Error::Documents(_)));
    let strict = Mesh::builder().with_warnings_as_errors(true);
    assert!(strict.read_yaml(NEWER).is_err());
}

#[test]
fn a_slip_of_the_pen_stops_a_mesh_all_the_same() {
    for slip in [
        "intervall",
        "consecutive5xxError",
        "consecutiveGatewayErors",
    ] {
        let text = NEWER.replace("quorumOfTheNextDecade", slip);
        assert!(Mesh::from_yaml(&text).is_err(), "{slip}");
    }
    let policy = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\nspec: {quorumOfTheNextDecade: 3}\n";
    assert!(Mesh::from_yaml(policy).is_err());
}

#[test]
fn an_operation_of_a_newer_istio_stops_the_linter_and_patches_nothing_in_a_mesh() {
    let filter = |operation: &str| {
        format!(
            "apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {{name: a}}
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    match: {{context: SIDECAR_OUTBOUND}}
    patch:
      operation: {operation}
      value:
        name: envoy.filters.http.local_ratelimit
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
          stat_prefix: a
          token_bucket: {{max_tokens: 1, fill_interval: 60s}}
          filter_enabled: {{default_value: {{numerator: 100}}}}
          filter_enforced: {{default_value: {{numerator: 100}}}}
"
        )
    };
    let newer = filter("TRANSMOGRIFY");
    assert!(Documents::from_yaml(&newer).has_errors());
    Mesh::from_yaml(&newer).unwrap();
    assert!(!Documents::from_yaml(&filter("MERGE_AND_REPLACE_LIST")).has_errors());
    assert!(Mesh::from_yaml(&filter("INSERT_FRIST")).is_err(), "a slip");
}
