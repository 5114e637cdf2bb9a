use meshless::istio::{Code, Documents, Kind, Resource, Severity};

use crate::support::Folder;

const RULE: &str = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
                    metadata: {name: NAME}\nspec: {host: a}\n";

#[test]
fn a_folder_is_read_with_its_subfolders_in_the_order_of_names() {
    let folder = Folder::new();
    folder.write("b.yaml", &RULE.replace("NAME", "second"));
    folder.write("c/d.yml", &RULE.replace("NAME", "third"));
    folder.write("a.yaml", &RULE.replace("NAME", "first"));
    folder.write("notes.txt", "not: [read");
    folder.write("..2026/a.yaml", &RULE.replace("NAME", "first"));
    let documents = Documents::from_path(folder.path());
    let names: Vec<_> = documents.resources().iter().map(Resource::name).collect();
    assert_eq!(names, ["first", "second", "third"]);
    assert!(documents.diagnostics().is_empty(), "{documents:?}");
    assert!(
        documents.resources()[2]
            .file()
            .unwrap()
            .ends_with("c/d.yml")
    );
}

#[cfg(unix)]
#[test]
fn a_mounted_config_map_is_read_once_and_a_loop_of_links_ends() {
    let folder = Folder::new();
    folder.write("..2026/a.yaml", &RULE.replace("NAME", "only"));
    std::os::unix::fs::symlink("..2026", folder.path().join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/a.yaml", folder.path().join("a.yaml")).unwrap();
    std::os::unix::fs::symlink(".", folder.path().join("loop")).unwrap();
    let documents = Documents::from_path(folder.path());
    assert_eq!(
        (documents.resources().len(), documents.diagnostics().len()),
        (1, 0)
    );
}

#[test]
fn what_cannot_be_opened_is_a_finding() {
    let folder = Folder::new();
    for path in [folder.path().to_owned(), folder.path().join("none.yaml")] {
        let documents = Documents::from_path(path);
        let [found] = documents.diagnostics() else {
            panic!("one finding")
        };
        assert_eq!(
            (found.code(), found.severity()),
            (Code::Unreadable, Severity::Error)
        );
        assert!(found.file().is_some() && found.line() == 0);
    }
}

#[test]
fn other_kinds_are_passed_over_and_said_so() {
    let text = "# a comment only\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\n\
                apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n---\na: 1\n---\n";
    let documents = Documents::from_yaml(text);
    assert_eq!((documents.skipped(), documents.resources().len()), (3, 0));
    let found: Vec<_> = documents
        .diagnostics()
        .iter()
        .map(|f| (f.code(), f.severity()))
        .collect();
    let passed_over = |severity| (Code::Skipped, severity);
    assert_eq!(
        found,
        [
            passed_over(Severity::Note),
            passed_over(Severity::Note),
            passed_over(Severity::Warning),
        ]
    );
}

#[test]
fn a_misspelt_kind_or_group_is_not_passed_over() {
    for (api, kind, code) in [
        ("networking.istio.io/v1", "VirtualServce", "MSH0019"),
        ("networking.istio.oi/v1", "VirtualService", "MSH0007"),
        ("security.istio.io/v1", "DestinationRule", "MSH0007"),
        ("v1", "PeerAuthentication", "MSH0007"),
    ] {
        let text = format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: a}}\n");
        let documents = Documents::from_yaml(&text);
        assert!(documents.has_errors(), "{text}");
        assert_eq!(super::codes(&text), [code]);
    }
}

#[test]
fn each_version_that_istio_serves_is_read_without_a_warning() {
    for version in ["v1", "v1beta1", "v1alpha3"] {
        let text = RULE
            .replace("NAME", "a")
            .replace("io/v1", &format!("io/{version}"));
        assert!(super::codes(&text).is_empty(), "{version}");
    }
    let text = RULE.replace("NAME", "a").replace("io/v1", "io/v2");
    assert_eq!(super::codes(&text), ["MSH0007"]);
}

#[test]
fn a_list_of_kubernetes_is_its_items() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: networking.istio.io/v1\n  \
                kind: DestinationRule\n  metadata: {name: a}\n  spec: {host: a, hosst: b}\n";
    let documents = Documents::from_yaml(text);
    assert_eq!(documents.resources()[0].kind(), Kind::DestinationRule);
    assert_eq!(documents.diagnostics()[0].field(), "items[0].spec.hosst");
}

#[test]
fn every_kind_that_does_nothing_here_says_so_even_without_a_spec() {
    for kind in Kind::ALL.iter().filter(|kind| kind.is_validated_only()) {
        let group = match kind {
            Kind::AuthorizationPolicy | Kind::PeerAuthentication | Kind::RequestAuthentication => {
                "security"
            }
            Kind::Telemetry => "telemetry",
            _ => "networking",
        };
        let text = format!(
            "apiVersion: {group}.istio.io/v1\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{}}\n"
        );
        for text in [&text, &text.replace("spec: {}\n", "")] {
            assert!(super::codes(text).contains(&"MSH0009"), "{text}");
        }
    }
}
