use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::render::render;
use super::{Support, TABLES, Table};
use crate::istio::api::fields::read::camel;
use crate::istio::api::fields::shape::{field_paths, written};
use crate::istio::syntax::tree::Tree;
use crate::istio::syntax::yaml;
use crate::istio::{Code, Documents, Severity};

const BEGIN: &str = "<!-- the support table, as `src/istio/coverage` has it -->\n";
const END: &str = "<!-- end of the support table -->\n";
/// Codes of findings about fields without effect.
const NO_EFFECT: [Code; 4] = [
    Code::FieldWithoutEffect,
    Code::NotEnforced,
    Code::SchemaWarning,
    Code::UnknownFilter,
];

/// A service entry with the endpoints of a rule's subsets.
const ENTRY: &str = "---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: a}
spec:
  hosts: [a.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1, labels: {version: v1}}]
";

/// A finding, identified by the path of its field.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) code: Code,
    pub(super) here: String,
    pub(super) path: String,
    pub(super) severity: Severity,
    what: String,
}

impl Table {
    pub(super) fn is_whole(&self, path: &str) -> bool {
        let mut below = self.rows.iter().map(|(row, _)| row);
        let below = below.any(|row| row.strip_prefix(path).is_some_and(|r| r.starts_with('.')));
        !below && !matches!(self.support(path), Some(Support::Enforced(_)))
    }

    fn support(&self, path: &str) -> Option<Support> {
        let row = self.rows.iter().find(|(row, _)| *row == path);
        row.map(|(_, support)| *support)
    }

    fn document(&self, spec: &str) -> String {
        let version = match self.kind {
            "EnvoyFilter" => "v1alpha3",
            _ => "v1",
        };
        let (kind, spec) = (self.kind, self.around.replace("SPEC", spec));
        let entry = match self.kind {
            "DestinationRule" => ENTRY,
            _ => "",
        };
        format!(
            "apiVersion: networking.istio.io/{version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n{entry}"
        )
    }

    /// Returns the fields set in the specs.
    fn written(&self, specs: &[&str]) -> BTreeSet<String> {
        let paths = specs.iter().flat_map(|spec| {
            let trees = yaml::parse(spec, &mut (1 << 20));
            let trees = trees.unwrap_or_else(|_| panic!("{spec}"));
            written(&trees[0], Tree::ROOT, &(self.root)(), "")
        });
        paths.collect()
    }
}

/// Returns the findings in documents with these specs.
pub(super) fn found(table: &Table, specs: &[&str]) -> Vec<Found> {
    let prefix = plain(table.prefix);
    let all = specs.iter().flat_map(|spec| {
        let documents = Documents::from_yaml(&table.document(spec));
        let found = documents.diagnostics().iter();
        let found = found.map(|found| Found {
            code: found.code(),
            here: found.effect().to_owned(),
            path: plain(found.field())
                .strip_prefix(&prefix)
                .unwrap_or_else(|| found.field())
                .to_owned(),
            severity: found.severity(),
            what: found.to_string(),
        });
        found.collect::<Vec<_>>()
    });
    all.collect()
}

/// Returns a path in camel case, without list indexes.
fn plain(path: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0;
    for c in path.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain.split('.').map(camel).collect::<Vec<_>>().join(".")
}

#[test]
fn every_field_has_an_entry_and_every_entry_a_field() {
    for table in &TABLES {
        let places = field_paths(&(table.root)(), &|path| table.is_whole(path));
        let fields: Vec<_> = places.iter().map(|place| place.path.as_str()).collect();
        let rows: Vec<_> = table.rows.iter().map(|(path, _)| *path).collect();
        assert_eq!(fields, rows, "{}", table.title);
    }
}

#[test]
fn an_enforced_field_is_read_where_the_meaning_is_and_nothing_says_that_it_has_no_effect() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/istio/translation");
    let mut words = BTreeSet::new();
    read_words(&source, &mut words);
    for table in &TABLES {
        let mut found = found(table, table.enforced);
        found.retain(|one| {
            let is_bad = one.severity == Severity::Error || NO_EFFECT.contains(&one.code);
            is_bad && !one.what.contains("deprecated")
        });
        assert!(found.is_empty(), "{found:#?}");
        let written = table.written(table.enforced);
        let places = field_paths(&(table.root)(), &|path| table.is_whole(path));
        for (place, (path, support)) in places.iter().zip(table.rows) {
            if matches!(support, Support::Enforced(_)) {
                assert!(written.contains(*path), "no document shows {path}");
                assert!(
                    words.contains(place.code),
                    "the translation does not read {path}"
                );
            }
        }
    }
}

#[test]
fn a_noted_field_is_told_of_where_it_stands_and_nothing_else_is() {
    for table in &TABLES {
        let mut found = found(table, table.noted);
        let written = table.written(table.noted);
        let mut places = BTreeSet::new();
        for (path, support) in table.rows {
            let Support::Noted(code, at) = support else {
                continue;
            };
            let at = if at.is_empty() { path } else { at };
            assert!(written.contains(*path), "no document shows {path}");
            let is_found = found.iter().any(|one| one.code == *code && one.path == *at);
            assert!(is_found, "{path}: nothing at {at}: {found:#?}");
            places.insert(*at);
        }
        found.retain(|one| {
            let is_known =
                one.code != Code::FieldWithoutEffect || places.contains(one.path.as_str());
            !is_known || one.severity == Severity::Error
        });
        assert!(found.is_empty(), "the table does not know of {found:#?}");
    }
}

#[test]
fn a_refused_field_is_an_error() {
    for table in &TABLES {
        let found = found(table, table.rejected);
        let written = table.written(table.rejected);
        let refused = table.rows.iter();
        for (path, _) in refused.filter(|(_, support)| matches!(support, Support::Rejected)) {
            let name = path.rsplit('.').next().unwrap_or(path);
            assert!(written.contains(*path), "no document shows {path}");
            let is_found = found
                .iter()
                .any(|one| one.severity == Severity::Error && one.what.contains(name));
            assert!(is_found, "{path}: {found:#?}");
        }
    }
}

#[test]
fn the_page_of_supported_fields_has_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/istio-support.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    let expected = format!("\n{}", render());
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        return;
    }
    assert!(
        table == expected,
        "docs/istio-support.md has another table: run this test with BLESS=1"
    );
}

fn read_words(folder: &Path, words: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("tests") {
            continue;
        }
        if path.is_dir() {
            read_words(&path, words);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let all = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.extend(all.map(str::to_owned));
    }
}
