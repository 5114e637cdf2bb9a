//! The words of the findings: one text for each code, with everything that is said of it.
//!
//! What stands in `gallery/` is what a user reads; a file is called by the code, and by more if there are
//! several texts of one. A change of words changes a file there, which is seen
//! when the change is read; `MESHLESS_GALLERY=write` writes them anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use meshless::istio::{Code, Diagnostic, Documents};

fn gallery() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mesh/istio/gallery")
}

/// Returns the texts, by the code each of them is for.
fn texts() -> Vec<(String, PathBuf)> {
    let mut texts: Vec<_> = fs::read_dir(gallery())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let code = name.split('-').next().unwrap();
            (code.into(), path)
        })
        .collect();
    texts.sort();
    texts
}

/// Returns what is printed of a text.
fn printed(path: &Path) -> (Documents, String) {
    let documents = Documents::from_yaml(&fs::read_to_string(path).unwrap());
    let found = documents.diagnostics().iter().map(ToString::to_string);
    let printed = found.collect::<Vec<_>>().join("\n");
    (documents, printed)
}

#[test]
fn every_finding_reads_as_in_the_gallery() {
    let write = std::env::var_os("MESHLESS_GALLERY").is_some_and(|value| value == "write");
    for (code, path) in texts() {
        let (documents, printed) = printed(&path);
        let codes = documents.diagnostics().iter().map(Diagnostic::code);
        assert!(
            codes.into_iter().any(|found| found.as_str() == code),
            "{code} is not found:\n{printed}"
        );
        let words = path.with_extension("txt");
        if write {
            fs::write(&words, &printed).unwrap();
        }
        let expected = fs::read_to_string(&words).unwrap_or_default();
        assert_eq!(printed, expected, "{}", words.display());
    }
}

#[test]
fn every_code_is_in_the_gallery_but_those_of_inputs_without_bounds() {
    let shown: BTreeSet<_> = texts().into_iter().map(|(code, _)| code).collect();
    let missing: Vec<_> = Code::ALL
        .iter()
        .filter(|code| !shown.contains(code.as_str()))
        .collect();
    // Megabytes, or a thousand findings: see `any_bytes` and `loading`.
    assert_eq!(missing, [&Code::TooLarge, &Code::MoreFindings]);
}

#[test]
fn every_finding_says_what_is_wrong_what_follows_and_how_it_is_mended() {
    for (_, path) in texts() {
        let (documents, printed) = printed(&path);
        for found in documents.diagnostics() {
            for words in [
                found.message(),
                found.effect(),
                found.in_istio(),
                found.help(),
            ] {
                assert!(!words.trim().is_empty(), "{printed}");
            }
            assert!(found.line() > 0 && found.column() > 0, "{printed}");
        }
    }
}
