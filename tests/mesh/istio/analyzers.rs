//! Istio's own analyzers: their inputs, and the messages that Istio's tests expect of each.

use std::fs;
use std::path::{Path, PathBuf};

use meshless::istio::{Diagnostic, Documents, Severity};
use serde_json::Value;

/// Analyzers, and the codes that each of them reports.
const CODES: [(&str, &[&str]); 26] = [
    (
        "authz.AuthorizationPoliciesAnalyzer",
        &["IST0101", "IST0127"],
    ),
    ("deprecation.FieldAnalyzer", &["IST0002"]),
    (
        "destinationrule.CaCertificateAnalyzer",
        &["IST0128", "IST0129"],
    ),
    (
        "destinationrule.PodNotSelectedAnalyzer",
        &["IST0173", "IST0174"],
    ),
    (
        "envoyfilter.EnvoyPatchAnalyzer",
        &["IST0151", "IST0152", "IST0153", "IST0154", "IST0155"],
    ),
    ("gateway.ConflictingGatewayAnalyzer", &["IST0145"]),
    ("gateway.IngressGatewayPortAnalyzer", &["IST0162"]),
    ("k8sgateway.CRDVersionAnalyzer", &["IST0176"]),
    (
        "schemaValidation.CollectionValidationAnalyzer",
        &["IST0130", "IST0131"],
    ),
    ("service.PortNameAnalyzer", &["IST0118", "IST0150"]),
    (
        "serviceentry.ConflictingServiceEntryProtocolAnalyzer",
        &["IST0177"],
    ),
    ("serviceentry.ProtocolAddressesAnalyzer", &["IST0134"]),
    ("sidecar.DefaultSelectorAnalyzer", &["IST0111"]),
    ("sidecar.SelectorAnalyzer", &["IST0101", "IST0110"]),
    ("telemetry.DefaultSelectorAnalyzer", &["IST0160"]),
    ("telemetry.LightstepAnalyzer", &["IST0002"]),
    ("telemetry.ProviderAnalyzer", &["IST0157"]),
    ("telemetry.SelectorAnalyzer", &["IST0101", "IST0159"]),
    (
        "virtualservice.ConflictingMeshGatewayHostsAnalyzer",
        &["IST0109"],
    ),
    (
        "virtualservice.DestinationHostAnalyzer",
        &["IST0101", "IST0112", "IST0140"],
    ),
    ("virtualservice.DestinationRuleAnalyzer", &["IST0101"]),
    (
        "virtualservice.GatewayAnalyzer",
        &["IST0101", "IST0132", "IST0165"],
    ),
    ("virtualservice.JWTClaimRouteAnalyzer", &["IST0149"]),
    ("gateway.CertificateAnalyzer", &["IST0138"]),
    ("gateway.SecretAnalyzer", &["IST0161"]),
    ("webhook.Analyzer", &["IST0139"]),
];

/// Cases that are not run, and why.
const SKIPPED: [(&str, &str); 3] = [
    (
        "DestinationRuleWithFakeHost",
        "that a cluster has no such service is not known from documents that show none of its services",
    ),
    (
        "GatewayAPICRDVersionBelowMinimum",
        "a definition of a kind is about what is installed in a cluster",
    ),
    (
        "gatewaySecretValidations",
        "the certificates inside of Secrets are not read",
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cases() -> Vec<Value> {
    let path = root().join("tests/vectors/istio_analyze.json");
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn input(case: &Value) -> String {
    let files = case["files"].as_array().unwrap().iter();
    let texts = files.map(|file| {
        let name = text(file).trim_start_matches("testdata/").replace('/', "-");
        let path: PathBuf = root().join("tests/mesh/istio/analyzers").join(name);
        fs::read_to_string(path).unwrap()
    });
    texts.collect::<Vec<_>>().join("\n---\n")
}

/// Returns the cases that are run.
fn run() -> impl Iterator<Item = Value> {
    let is_run = |case: &Value| !SKIPPED.iter().any(|(name, _)| *name == text(&case["name"]));
    cases().into_iter().filter(is_run)
}

/// Returns a code and an object, which is in the namespace `default` if it names none.
fn named(code: &str, object: &str) -> String {
    match object.split_once(' ') {
        Some((kind, name)) if !name.contains('/') => format!("{code} {kind} default/{name}"),
        _ => format!("{code} {object}"),
    }
}

/// Returns the messages of these codes, and whether each is more than a note.
fn found(text: &str, codes: &[&str]) -> Vec<(String, bool)> {
    let documents = Documents::from_yaml(text);
    let of_codes = |one: &&Diagnostic| codes.contains(&one.code().as_str());
    let found = documents.diagnostics().iter().filter(of_codes);
    found
        .map(|one| {
            let name = named(one.code().as_str(), one.object());
            (name, one.severity() > Severity::Note)
        })
        .collect()
}

#[test]
fn each_case_of_istios_analyzers_is_judged_as_istio_does() {
    let (mut ran, mut wrong) = (0, Vec::new());
    for case in run() {
        let name = text(&case["name"]);
        let analyzer = text(&case["analyzer"]);
        let codes = CODES.iter().find(|(known, _)| *known == analyzer);
        let (_, codes) = codes.unwrap_or_else(|| panic!("{analyzer} is not known"));
        let expected = case["expected"].as_array().unwrap().iter();
        let mut expected: Vec<_> = expected
            .map(|one| named(text(&one["code"]), text(&one["object"])))
            .collect();
        expected.sort();
        // A note may say more than Istio does; whatever else is found, Istio finds too.
        let mut found: Vec<_> = found(&input(&case), codes)
            .into_iter()
            .filter(|(name, is_more)| *is_more || expected.contains(name))
            .map(|(name, _)| name)
            .collect();
        found.sort();
        if found != expected {
            wrong.push(format!(
                "{name}\n  expected {expected:#?}\n  found {found:#?}"
            ));
        }
        ran += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(ran, 39 - SKIPPED.len());
}
