//! The folders of policies beside the examples: they load, and nothing is found but what is expected.

use std::fs;
use std::path::{Path, PathBuf};

use meshless::istio::{Documents, Severity};

const REVIEW: [&str; 7] = [
    "ai-api-breaker.yaml",
    "external-api-breaker.yaml",
    "gateway-and-waste-route.yaml",
    "llm-rate-limit.yaml",
    "roboflow-breaker.yaml",
    "waste-ab-and-canary.yaml",
    "waste-mtls.yaml",
];

/// What is to be said of the review's own documents, wherever they lie.
const OF_THE_REVIEW: [&str; 10] = [
    "ai-api-breaker.yaml IST0133",
    "ai-api-breaker.yaml MSH0013",
    "external-api-breaker.yaml IST0133",
    // Its canary is for calls within the mesh, and not for those through the gateway.
    "gateway-and-waste-route.yaml IST0140",
    "gateway-and-waste-route.yaml MSH0018",
    "llm-rate-limit.yaml IST0151",
    "llm-rate-limit.yaml MSH0007",
    "llm-rate-limit.yaml MSH0011",
    "roboflow-breaker.yaml IST0133",
    "roboflow-breaker.yaml MSH0013",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The findings of a folder, by file and code.
fn findings(name: &str) -> Vec<String> {
    let documents = Documents::from_path(folder(name));
    assert!(!documents.has_errors());
    let found = documents.diagnostics().iter().map(|found| {
        assert!(found.severity() < Severity::Error, "{found}");
        let file = found.file().expect("it is of a file");
        let file = file.file_name().expect("it has a name");
        format!("{} {}", file.to_string_lossy(), found.code())
    });
    let mut found: Vec<_> = found.collect();
    found.sort();
    found
}

#[test]
fn the_policies_of_the_five_services_have_no_findings_but_those_of_the_review() {
    assert_eq!(findings("examples/policies"), OF_THE_REVIEW);
}

#[test]
fn those_for_kubernetes_have_what_is_said_of_names_and_of_https_besides() {
    let mut expected = OF_THE_REVIEW.map(str::to_owned).to_vec();
    expected.extend(
        [
            "ai-api-breaker.yaml IST0174",
            "kakao-map.yaml MSH0017",
            "kakao-map.yaml MSH0017",
            "openai.yaml MSH0017",
            "services.yaml MSH0008",
            "services.yaml MSH0008",
            "services.yaml MSH0008",
            "services.yaml MSH0008",
        ]
        .map(str::to_owned),
    );
    expected.sort();
    assert_eq!(findings("examples/policies-kubernetes"), expected);
}

#[test]
fn the_documents_of_the_review_are_unchanged_but_for_lines_that_say_that_they_are_added() {
    for folder_name in ["examples/policies", "examples/policies-kubernetes"] {
        for file in REVIEW {
            let ours = fs::read_to_string(folder(folder_name).join(file)).unwrap();
            let lines = ours.lines().filter(|line| !line.contains("# added: "));
            let review = fs::read_to_string(folder("tests/policies").join(file)).unwrap();
            let review: Vec<_> = review.lines().collect();
            assert_eq!(lines.collect::<Vec<_>>(), review, "{folder_name}/{file}");
        }
    }
}
