//! Comparison of the declarations with the fields of Istio's CRDs.

use std::collections::BTreeMap;

use crate::istio::api::fields::descriptor::declaration::{Declaration, Size, Values};
use crate::istio::api::fields::descriptor::{Cardinality, TypeDescriptor};
use crate::istio::api::fields::read::camel;
use crate::istio::model::kind::Kind;
use crate::istio::model::spec::Spec;

/// The fields, one a line, as `crds/fields.py` describes them.
const FIELDS: &str = include_str!("crds/fields.txt");

/// Fields that have a check with a text of its own in place of a declared constraint, each with the reason.
const CHECKED: [(&str, &str, &str); 10] = [
    ("ClaimToHeader", "header", "it is the name of a header"),
    ("Condition", "key", "it is one of Istio's attributes"),
    ("Exec", "command", "no part of it is empty"),
    ("LabelSelector", "labels", "labels have texts of their own"),
    ("LiteralTag", "value", "a tag has a name or a value"),
    ("NamedTag", "name", "a tag has a name or a value"),
    ("Port", "number", "a Unix socket has none"),
    ("Selector", "matchLabels", "labels have texts of their own"),
    ("Subset", "name", "it is a label"),
    ("Tunnel", "targetHost", "it is a name or an address"),
];

/// A field of a CRD.
#[derive(Debug)]
struct CrdField<'a> {
    /// Path with the type of the value.
    line: String,
    constraints: Vec<&'a str>,
}

/// A declared field.
#[derive(Debug)]
struct Declared {
    message: &'static str,
    name: String,
    /// The names of a choice.
    names: String,
    declaration: &'static Declaration,
}

/// Returns the fields of each kind; fails if the versions of one differ from ours.
fn crds() -> BTreeMap<Kind, Vec<CrdField<'static>>> {
    let (mut kinds, mut kind) = (BTreeMap::new(), Kind::Gateway);
    let mut steps: Vec<&str> = Vec::new();
    for line in FIELDS.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if !line.starts_with(' ') {
            let known = Kind::ALL.iter().find(|known| known.as_str() == first);
            kind = *known.unwrap_or_else(|| panic!("{first} is not declared"));
            let mut versions = kind.versions().to_vec();
            versions.sort_unstable();
            assert_eq!(words.collect::<Vec<_>>(), versions, "{kind}");
            let before = kinds.insert(kind, Vec::new());
            assert!(before.is_none(), "versions of {kind} have different fields");
            continue;
        }
        let depth = (line.len() - line.trim_start().len()) / 2;
        steps.truncate(depth - 1);
        steps.push(first);
        let line = format!("{} {}", steps.join("."), words.next().unwrap_or_default());
        let mut constraints = Vec::new();
        let words: Vec<_> = words.collect();
        let mut rest = &words[..];
        while let [one, after @ ..] = rest {
            // The size of each item is two words.
            let is_pair = *one == "each";
            constraints.push(if is_pair { after[0] } else { one });
            rest = if is_pair { &after[1..] } else { after };
            if is_pair {
                constraints.push("each");
            }
        }
        kinds
            .entry(kind)
            .or_default()
            .push(CrdField { line, constraints });
    }
    kinds
}

/// Returns the declared fields in the same form.
fn declared(kind: Kind) -> BTreeMap<String, Declared> {
    let mut all = BTreeMap::new();
    walk(Spec::descriptor(kind), "", &mut all);
    all
}

fn walk(of: &'static TypeDescriptor, prefix: &str, all: &mut BTreeMap<String, Declared>) {
    for field in of.fields {
        let name = camel(field.name);
        let mark = match field.cardinality {
            Cardinality::Map => "{}",
            Cardinality::Repeated => "[]",
            Cardinality::Single => "",
        };
        let kind = match (field.of.name, field.of.fields) {
            ("", []) => "any",
            (name, []) => name,
            _ => "object",
        };
        let path = format!("{prefix}{name}{mark}");
        walk(field.of, &format!("{path}."), all);
        let declared = Declared {
            message: of.name,
            name,
            names: (field.of.names)().join("|"),
            declaration: &field.declaration,
        };
        all.insert(format!("{path} {kind}"), declared);
    }
}

#[test]
fn the_fields_of_the_crds_are_declared_with_their_types_and_no_others() {
    let kinds = crds();
    assert!(Kind::ALL.iter().eq(kinds.keys()), "{:?}", kinds.keys());
    let mut wrong = Vec::new();
    for (kind, fields) in &kinds {
        let mut own = declared(*kind);
        for field in fields {
            if own.remove(&field.line).is_none() {
                wrong.push(format!("{kind}: missing {}", field.line));
            }
        }
        wrong.extend(own.keys().map(|line| format!("{kind}: surplus {line}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_constraints_and_choices_of_the_crds_are_declared_and_no_other_sizes() {
    let mut wrong = Vec::new();
    for (kind, fields) in crds() {
        let own = declared(kind);
        for CrdField { line, constraints } in fields {
            let Some(own) = own.get(&line) else { continue };
            let is_checked = |(message, name, _): &(&str, &str, &str)| {
                *message == own.message && *name == own.name
            };
            let names = constraints.iter().find(|word| is_choice(word));
            if names.map_or("", |names| *names) != own.names {
                wrong.push(format!("{kind}: {line}: {names:?} {:?}", own.names));
            }
            if !CHECKED.iter().any(is_checked) && !holds(own.declaration, &constraints) {
                wrong.push(format!(
                    "{kind}: {line} {constraints:?}: {:?}",
                    own.declaration
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Says whether a word is the names of a choice.
fn is_choice(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_uppercase())
}

/// Says whether a declaration has the constraints of a field, and no other size.
fn holds(declaration: &Declaration, constraints: &[&str]) -> bool {
    let is_required = constraints.contains(&"required");
    let each = constraints.iter().position(|word| *word == "each");
    let each = each.map(|at| constraints[at - 1]);
    let mut own = constraints.iter().copied();
    let own = own.find(|word| word.contains("..") && Some(*word) != each);
    let bounds = |word: &str| {
        let (least, most) = word.split_once("..")?;
        Some((least.parse::<f64>().ok()?, most.parse().unwrap_or(f64::MAX)))
    };
    let range = match declaration.values {
        Values::Range(least, most, _) => Some((least, most)),
        _ => None,
    };
    let size = declaration
        .size
        .map(|Size { least, most }| format!("{least}..{most}"));
    let item = declaration.max_item.map(|most| format!("0..{most}"));
    let is_bound = |word: Option<&str>, size: Option<&str>| {
        word == size || size.is_none() && word.is_some_and(|word| bounds(word) == range)
    };
    (!is_required || declaration.required.is_some())
        && is_bound(own, size.as_deref())
        && is_bound(each, item.as_deref())
}
