//! Whatever the input is, it gives findings: no panic, no hang, no unbounded memory.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use meshless::istio::{Code, Documents, Severity};
use proptest::prelude::*;

/// Reads bytes as a file would be read, and looks at all that comes out.
fn read(bytes: &[u8]) -> Documents {
    let documents = Documents::from_yaml(&String::from_utf8_lossy(bytes));
    for found in documents.diagnostics() {
        let _ = found.to_string();
        let json: serde_json::Value = serde_json::from_str(&found.to_json()).unwrap();
        assert!(json["code"].is_string());
    }
    documents
}

fn real_files() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for folder in ["tests/policies", "tests/mesh/istio/corpus"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in fs::read_dir(folder).unwrap() {
            files.push(fs::read(entry.unwrap().path()).unwrap());
        }
    }
    files
}

#[test]
fn the_corpus_is_read_to_its_end() {
    for file in real_files() {
        read(&file);
    }
}

#[test]
fn what_the_fuzzer_found_is_read_to_its_end() {
    let lines = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mesh/istio/found.jsonl"),
    );
    let texts: Vec<String> = lines
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(texts.len() > 100);
    for text in texts {
        read(text.as_bytes());
    }
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let before = format!("*a{}", level - 1);
        let items = [before.as_str(); 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{items}]").unwrap();
    }
    let documents = read(text.as_bytes());
    assert_eq!(documents.count(Severity::Error), 1);
}

#[test]
fn a_long_text_that_aliases_repeat_is_refused() {
    let long = "x".repeat(1 << 20);
    let aliases = vec!["*a"; 900].join(", ");
    let documents = read(format!("a: &a {long}\nb: [{aliases}]\n").as_bytes());
    assert_eq!(documents.diagnostics()[0].code(), Code::TooLarge);
}

#[test]
fn too_deep_and_too_large_documents_are_refused() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        (0..1_000).fold(String::new(), |text, depth| {
            text + &" ".repeat(depth) + "a:\n"
        }),
        "a: b\n".repeat(1 << 20),
        format!("[{}]", "1,".repeat(200_000)),
    ] {
        let documents = read(text.as_bytes());
        assert!(documents.has_errors(), "{}", &text[..20]);
    }
}

#[test]
fn many_findings_are_bounded_and_said_to_be_more() {
    let fields = (0..5_000).fold(String::new(), |text, n| text + &format!("  f{n}: 1\n"));
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: a}}\nspec:\n{fields}"
    );
    let documents = read(text.as_bytes());
    assert_eq!(documents.diagnostics().len(), 101);
    assert!(
        documents
            .diagnostics()
            .iter()
            .any(|f| f.code() == Code::MoreFindings)
    );
}

#[test]
fn ten_thousand_documents_load() {
    let text = (0..10_000).fold(String::new(), |text, n| {
        text + &format!("---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: r{n}}}\nspec: {{host: s{n}}}\n")
    });
    let documents = Documents::from_yaml(&text);
    assert_eq!(
        (documents.resources().len(), documents.diagnostics().len()),
        (10_000, 0)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_bytes_give_findings(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes);
    }

    #[test]
    fn random_pieces_of_yaml_give_findings(pieces in prop::collection::vec(
        prop::sample::select(vec![
            "a", ": ", "- ", "\n", "  ", "[", "]", "{", "}", "&x ", "*x", "<<: ", "|\n", ">", "'", "\"", "? ",
            "!!str ", "---\n", "...\n", "#", "%", "@", "\t", "spec", "hosts", "http", "null", "1e999", "\u{feff}",
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n",
        ]), 0..60)) {
        read(pieces.concat().as_bytes());
    }

    #[test]
    fn real_files_with_changed_bytes_give_findings(
        file in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..8),
    ) {
        let files = real_files();
        let mut bytes = files[file.index(files.len())].clone();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len().max(1));
            match how {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => { bytes.remove(at); }
                _ => bytes.insert(at.min(bytes.len()), byte),
            }
        }
        read(&bytes);
    }
}
