//! Files that real teams and Istio itself wrote: each loads, or is refused for a reason that is known.

use std::fs;
use std::path::{Path, PathBuf};

use meshless::istio::{Documents, Severity};

/// Files that are wrong on purpose, and what is wrong.
const REFUSED: [(&str, &[&str]); 3] = [
    ("outlier-unknown-field-by-mistake.yaml", &["MSH0003"]),
    // Envoy drops a field that it does not know; here what would do nothing is an error.
    ("ratelimit-xds-typedstruct-camelcase.yaml", &["MSH0003"]),
    (
        "weight-at-wrong-level-by-mistake.yaml",
        &["MSH0003", "MSH0003"],
    ),
];

/// Returns the folder, where there is one.
fn folder() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("MESHLESS_ISTIO_YAML").map(PathBuf::from);
    let beside = ["../shared/istio-yaml", "../../shared/istio-yaml"].map(|path| own.join(path));
    named.into_iter().chain(beside).find(|path| path.is_dir())
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            found.push(path);
        }
    }
}

#[test]
fn every_file_loads_or_is_refused_for_a_known_reason() {
    let Some(folder) = folder() else {
        eprintln!("not run: no folder of Istio's files here; MESHLESS_ISTIO_YAML may name one");
        return;
    };
    let mut all = Vec::new();
    files(&folder, &mut all);
    assert!(all.len() > 90, "{}", all.len());
    for path in all {
        let documents = Documents::from_path(&path);
        let found = documents.diagnostics();
        for one in found {
            let is_whole = !one.message().is_empty() && !one.effect().is_empty();
            let is_note = one.severity() == Severity::Note;
            assert!(is_whole && (is_note || !one.in_istio().is_empty()), "{one}");
        }
        let errors = found.iter().filter(|one| one.severity() == Severity::Error);
        let errors: Vec<_> = errors.map(|one| one.code().as_str()).collect();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap();
        let expected = REFUSED.iter().find(|(file, _)| *file == name);
        let expected = expected.map_or(&[][..], |(_, codes)| codes);
        assert_eq!(errors, expected, "{}", path.display());
    }
}
