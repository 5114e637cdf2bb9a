//! Holds the architecture: what a file may import follows from the folder it lies in, and the words of the
//! documentation are those of the field.

mod graph;
mod log_lines;
mod replies;
mod security;
mod source;
mod words;

use std::collections::BTreeSet;

use graph::{Arrow, Graph};
use source::{Source, sources};

/// The folders of `src`, lowest first. A tier imports only from itself and from those before it.
const TIERS: [&str; 7] = [
    "foundation",
    "policies",
    "transport",
    "istio",
    "mesh",
    "integrations",
    "cli",
];

/// Code lines of a file at the most, without its tests.
const LARGEST_FILE: usize = 250;

/// Files of a folder that has no folders inside.
const LARGEST_FLAT_FOLDER: usize = 8;

#[test]
fn every_folder_of_src_is_a_tier() {
    let found: BTreeSet<_> = sources()
        .iter()
        .filter_map(|source| source.folders().first().cloned())
        .collect();
    let tiers: BTreeSet<_> = TIERS.iter().map(ToString::to_string).collect();
    assert_eq!(found, tiers);
}

#[test]
fn a_tier_imports_only_lower_ones() {
    let rank = |folder: &str| TIERS.iter().position(|tier| *tier == folder);
    let wrong = arrows(|from, to| {
        let (from, to) = (from.first()?, to.first()?);
        Some(rank(to)? > rank(from)?)
    });
    assert!(wrong.is_empty(), "upward imports:\n{}", wrong.join("\n"));
}

#[test]
fn no_policy_imports_another() {
    let wrong = arrows(|from, to| {
        let policy =
            |path: &[String]| (path.first()? == "policies").then(|| path.get(1).cloned())?;
        Some(policy(from)? != policy(to)?)
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn istio_does_not_know_how_bytes_leave() {
    let wrong = arrows(|from, to| Some(from.first()? == "istio" && to.first()? == "transport"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn folders_import_each_other_in_one_direction() {
    let circles = Graph::of(sources()).circles();
    assert!(
        circles.is_empty(),
        "circles across folders:\n{}",
        circles.join("\n")
    );
}

#[test]
fn the_folders_of_a_folder_import_each_other_in_one_direction_at_every_depth() {
    let circles = Graph::of(sources()).circles_of_siblings();
    assert!(
        circles.is_empty(),
        "circles between the folders of one folder:\n{}",
        circles.join("\n")
    );
}

#[test]
fn below_lib_rs_nothing_is_imported_through_the_crate_root() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.is_root()) {
        for path in source.written().iter().map(|written| &written.segments) {
            let through_root = path.first().is_some_and(|first| first == "crate")
                && path
                    .get(1)
                    .is_some_and(|name| !TIERS.contains(&name.as_str()));
            if through_root {
                wrong.push(format!("{}: {}", source.name(), path.join("::")));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "name the module instead:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn machines_and_policies_are_pure() {
    const IMPURE: [&str; 9] = [
        "Atomic",
        "Mutex",
        "axum",
        "clock::now",
        "fastrand",
        "hyper",
        "reqwest",
        "tokio",
        "tower",
    ];
    for source in sources() {
        let pure = ["machine.rs", "policy.rs"]
            .iter()
            .any(|file| source.name().ends_with(file))
            || source
                .folders()
                .last()
                .is_some_and(|folder| folder == "machine");
        if pure {
            let code = source
                .code()
                .filter(|line| !line.trim_start().starts_with("#[cfg"));
            for line in code {
                let found = IMPURE.iter().find(|word| line.contains(*word));
                assert!(found.is_none(), "{}: `{}`", source.name(), line.trim());
            }
        }
    }
}

#[test]
fn files_stay_small_and_folders_have_folders() {
    let sources = sources();
    let mut wrong = Vec::new();
    for source in sources {
        let lines = source.code().count();
        if lines > LARGEST_FILE {
            wrong.push(format!("{}: {lines} code lines", source.name()));
        }
    }
    let folders: BTreeSet<_> = sources.iter().map(Source::folders).collect();
    for folder in &folders {
        let files = sources
            .iter()
            .filter(|s| s.folders() == *folder && !s.name().ends_with("mod.rs"));
        let files = files.count();
        let inside = folders
            .iter()
            .any(|f| f.len() > folder.len() && f.starts_with(folder));
        if files > LARGEST_FLAT_FOLDER && !inside {
            wrong.push(format!("{}: {files} files and no folder", folder.join("/")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn documentation_uses_the_words_of_the_field() {
    let wrong: Vec<_> = sources().iter().flat_map(words::banned).collect();
    assert!(
        wrong.is_empty(),
        "{} lines:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn documentation_begins_with_the_thing_or_the_deed() {
    let wrong: Vec<_> = sources().iter().flat_map(words::riddles).collect();
    assert!(
        wrong.is_empty(),
        "{} docs:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_crate_root_has_few_names() {
    const MOST: usize = 12;
    let names = sources()
        .iter()
        .find(|source| source.is_root())
        .map(Source::root_names);
    let names = names.expect("lib.rs is a source");
    assert!(
        names.len() <= MOST,
        "{} names: {}",
        names.len(),
        names.join(", ")
    );
}

/// Arrows between files for which `is_wrong` says so, as text.
fn arrows(is_wrong: impl Fn(&[String], &[String]) -> Option<bool>) -> Vec<String> {
    Graph::of(sources())
        .arrows()
        .filter(|arrow| is_wrong(&arrow.from, &arrow.to).unwrap_or(false))
        .map(Arrow::to_string)
        .collect()
}
