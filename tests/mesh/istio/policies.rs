//! The nine documents of the review: each has exactly the findings that it deserves.

use std::path::Path;

use meshless::istio::{Documents, Resource, Severity};

fn read(file: &str) -> Documents {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies");
    Documents::from_path(folder.join(file))
}

#[test]
fn each_document_of_the_review_has_the_findings_that_it_deserves() {
    for (file, expected) in [
        ("ai-api-breaker.yaml", &["IST0133 9:26", "MSH0013 12:7"][..]),
        (
            "external-api-breaker.yaml",
            &["IST0133 16:26", "MSH0013 19:7"],
        ),
        // Its certificates are the listener's.
        ("gateway-and-waste-route.yaml", &["MSH0018 21:7"]),
        (
            "llm-rate-limit.yaml",
            &["MSH0007 1:13", "IST0151 15:18", "MSH0011 18:9"],
        ),
        ("openai-rate-limit.yaml", &["MSH0007 3:13", "IST0167 8:1"]),
        (
            "roboflow-breaker.yaml",
            &["IST0174 7:9", "MSH0013 9:5", "IST0133 10:26"],
        ),
        (
            "waste-ab-and-canary.yaml",
            &["IST0101 16:17", "IST0101 20:17", "IST0101 24:17"],
        ),
        (
            "waste-canary.yaml",
            &["IST0167 6:1", "IST0101 11:17", "IST0101 15:17"],
        ),
        ("waste-mtls.yaml", &[]),
    ] {
        let documents = read(file);
        let found: Vec<_> = documents
            .diagnostics()
            .iter()
            .map(|found| format!("{} {}:{}", found.code(), found.line(), found.column()))
            .collect();
        assert_eq!(found, expected, "{file}");
        assert!(!documents.has_errors(), "{file}");
        assert!(documents.resources().iter().all(Resource::is_valid));
    }
}

#[test]
fn the_two_outlines_tell_their_author_what_to_add() {
    let found = |file| {
        let documents = read(file);
        let found = documents
            .diagnostics()
            .iter()
            .find(|f| f.code().as_str() == "IST0167");
        found.unwrap().help().to_owned()
    };
    let hosts = found("waste-canary.yaml");
    let hosts = hosts.lines().nth(1).unwrap();
    let outline = include_str!("../../policies/waste-canary.yaml");
    let whole = outline.replace("spec:\n", &format!("spec:\n  {hosts}\n"));
    let documents = Documents::from_yaml(&whole);
    assert!(hosts.contains("waste-service") && !documents.has_errors());
    let found_still = super::findings(&documents);
    assert!(
        found_still.iter().all(|found| found.starts_with("IST0101")),
        "{found_still:?}"
    );
    let limit = found("openai-rate-limit.yaml");
    let whole = "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\n\
                 metadata: {name: openai-rate-limit, namespace: recycling}\nspec:\n";
    // What it says to add is right as it stands.
    let added: Vec<_> = limit
        .lines()
        .skip(1)
        .map(|line| format!("  {line}"))
        .collect();
    let added = added.join("\n");
    let documents = Documents::from_yaml(&format!("{whole}{added}\n"));
    assert!(super::findings(&documents).is_empty());
}

#[test]
fn a_document_that_is_not_enforced_says_so() {
    let sidecar = "apiVersion: networking.istio.io/v1\nkind: Sidecar\n\
                   metadata: {name: only-waste, namespace: recycling}\nspec: {egress: [{hosts: ['./*']}]}\n";
    let documents = Documents::from_yaml(sidecar);
    let [found] = documents.diagnostics() else {
        panic!("one finding")
    };
    assert_eq!(found.severity(), Severity::Warning);
    assert!(
        found.effect().starts_with("none of its settings apply"),
        "{found}"
    );
}

#[test]
fn together_the_documents_clash_on_one_name() {
    let documents = read("");
    let [found] = &documents
        .diagnostics()
        .iter()
        .filter(|found| found.severity() == Severity::Error)
        .collect::<Vec<_>>()[..]
    else {
        panic!("one error")
    };
    assert_eq!(found.object(), "VirtualService default/waste-service");
    let (file, line, _) = found.also().unwrap();
    assert!(file.unwrap().ends_with("gateway-and-waste-route.yaml"));
    assert_eq!((line, documents.resources().len()), (30, 10));
}
