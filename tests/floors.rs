//! Keeps the floors apart: what a file may import follows from where it lies.

use std::fs;
use std::path::{Path, PathBuf};

/// What may know several capabilities.
const UPPER_FLOORS: [&str; 7] = [
    "admin",
    "client",
    "istio",
    "mesh",
    "preset",
    "server",
    "telemetry",
];

#[test]
fn base_knows_nothing_above_it() {
    for file in sources().filter(|f| f.starts_with(root().join("base"))) {
        let text = fs::read_to_string(&file).expect("a source file is readable");
        for line in text.lines().filter(|l| !l.trim_start().starts_with("//")) {
            if let Some((_, path)) = line.split_once("crate::") {
                assert!(
                    path.starts_with("base"),
                    "{}: `{}`",
                    file.display(),
                    line.trim()
                );
            }
        }
    }
}

#[test]
fn machines_and_policies_are_pure() {
    for file in sources().filter(|f| f.ends_with("machine.rs") || f.ends_with("policy.rs")) {
        assert_clean(
            &file,
            &[
                "tokio",
                "tower",
                "hyper",
                "reqwest",
                "axum",
                "Mutex",
                "Atomic",
                "clock::now",
                "fastrand",
            ],
        );
    }
}

#[test]
fn capabilities_do_not_know_each_other() {
    let capabilities: Vec<_> = fs::read_dir(root())
        .expect("src is a folder")
        .map(|entry| entry.expect("src is readable").path())
        .filter(|path| path.is_dir())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .filter(|name| !UPPER_FLOORS.contains(&name.as_str()) && name != "base")
        .collect();
    for file in sources() {
        let Some(own) = capabilities
            .iter()
            .find(|c| file.starts_with(root().join(c)))
        else {
            continue;
        };
        let others: Vec<_> = capabilities
            .iter()
            .filter(|c| *c != own)
            .map(|c| format!("crate::{c}"))
            .collect();
        assert_clean(
            &file,
            &others.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    }
}

fn assert_clean(file: &Path, banned: &[&str]) {
    let text = fs::read_to_string(file).expect("a source file is readable");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
        for word in banned {
            assert!(
                !line.contains(word),
                "{}: `{word}` in `{}`",
                file.display(),
                line.trim()
            );
        }
    }
}

fn sources() -> impl Iterator<Item = PathBuf> {
    let mut dirs = vec![root()];
    let mut files = Vec::new();
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("src is a folder") {
            let path = entry.expect("src is readable").path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.into_iter()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}
