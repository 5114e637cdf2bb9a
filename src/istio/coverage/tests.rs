use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::TABLES;
use super::render::render;
use crate::istio::api::fields::descriptor::declaration::{Report, Support};
use crate::istio::{Code, Severity};

const BEGIN: &str = "<!-- the support table, as `src/istio/api` declares it -->\n";
const END: &str = "<!-- end of the support table -->\n";
/// Codes of findings about fields without effect.
const NO_EFFECT: [Code; 4] = [
    Code::FieldWithoutEffect,
    Code::NotEnforced,
    Code::SchemaWarning,
    Code::UnknownFilter,
];

#[test]
fn an_enforced_field_is_read_where_the_meaning_is_and_nothing_says_that_it_has_no_effect() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/istio/translation");
    let mut words = BTreeSet::new();
    read_words(&source, &mut words);
    for table in &TABLES {
        let samples = table.samples("enforced");
        let found = samples.iter().flat_map(|sample| &sample.findings);
        let bad: Vec<_> = found
            .filter(|one| one.severity == Severity::Error || NO_EFFECT.contains(&one.code))
            .filter(|one| !one.text.contains("deprecated"))
            .collect();
        assert!(bad.is_empty(), "{bad:#?}");
        for row in table.rows() {
            let is_enforced = matches!(row.field.declaration.support, Support::Enforced(_));
            // Of a message, each field has its own row.
            if !is_enforced || !row.is_leaf {
                continue;
            }
            let (path, code) = (&row.path, row.field.code);
            let is_shown = samples.iter().any(|sample| sample.written.contains(path));
            assert!(is_shown, "no sample shows {path}");
            assert!(words.contains(code), "the translation does not read {path}");
        }
    }
}

#[test]
fn a_field_without_effect_is_reported_where_it_stands_and_no_other_is() {
    for table in &TABLES {
        let samples = table.samples("noted");
        let mut reported = BTreeSet::new();
        for row in table.rows() {
            let (report, at) = match row.field.declaration.support {
                Support::None => (row.field.declaration.report, row.path.clone()),
                Support::By(name) => {
                    let (message, _) = row.path.rsplit_once('.').unwrap_or_default();
                    let mut beside = row.beside.iter();
                    let beside = beside.find(|field| field.name == name);
                    let report = beside.and_then(|field| field.declaration.report);
                    (report, format!("{message}.{name}"))
                }
                _ => continue,
            };
            let report: Report = report.unwrap_or_else(|| panic!("{}", row.path));
            let is_reported = samples.iter().any(|sample| {
                let mut findings = sample.findings.iter();
                sample.written.contains(&row.path)
                    && findings.any(|one| one.path == at && one.effect == report.effect)
            });
            assert!(is_reported, "{}: nothing at {at}: {samples:#?}", row.path);
            reported.insert(at);
        }
        let found = samples.iter().flat_map(|sample| &sample.findings);
        let others: Vec<_> = found
            .filter(|one| {
                let is_known = one.code != Code::FieldWithoutEffect || reported.contains(&one.path);
                !is_known || one.severity == Severity::Error
            })
            .collect();
        assert!(others.is_empty(), "not declared: {others:#?}");
    }
}

#[test]
fn a_rejected_field_is_an_error() {
    for table in &TABLES {
        let samples = table.samples("rejected");
        for row in table.rows() {
            if !matches!(row.field.declaration.support, Support::Rejected(_)) {
                continue;
            }
            let path = &row.path;
            let is_rejected = samples.iter().any(|sample| {
                let mut findings = sample.findings.iter();
                sample.written.contains(path)
                    && findings.any(|one| one.severity == Severity::Error && one.path == *path)
            });
            assert!(is_rejected, "{path}: {samples:#?}");
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
