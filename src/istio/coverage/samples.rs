use std::collections::BTreeSet;

use super::Table;
use crate::istio::api::fields::descriptor::TypeDescriptor;
use crate::istio::api::fields::read::camel;
use crate::istio::syntax::tree::{NodeId, Tree, Value};
use crate::istio::syntax::yaml;
use crate::istio::{Code, Documents, Severity};

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

/// A document that demonstrates the support of fields.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) findings: Vec<Found>,
    /// The paths of its fields.
    pub(super) written: BTreeSet<String>,
}

/// A finding, identified by the path of its field.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) code: Code,
    pub(super) effect: String,
    pub(super) path: String,
    pub(super) severity: Severity,
    pub(super) text: String,
}

impl Sample {
    pub(super) fn of(table: &Table, document: &str) -> Self {
        let trees = yaml::parse(document, &mut (1 << 20));
        let trees = trees.unwrap_or_else(|_| panic!("{document}"));
        let tree = &trees[0];
        let steps = table.prefix.split_terminator('.');
        let root = steps.fold(Tree::ROOT, |at, step| step_into(tree, at, step));
        let mut written_paths = BTreeSet::new();
        written(tree, root, table.of, "", &mut written_paths);
        let entry = match table.title {
            "DestinationRule" => ENTRY,
            _ => "",
        };
        let documents = Documents::from_yaml(&format!("{document}{entry}"));
        let findings = documents.diagnostics().iter().map(|found| {
            let path = plain(found.field());
            let path = path.strip_prefix(table.prefix).unwrap_or(&path).to_owned();
            Found {
                code: found.code(),
                effect: found.effect().to_owned(),
                path,
                severity: found.severity(),
                text: found.to_string(),
            }
        });
        Self {
            findings: findings.collect(),
            written: written_paths,
        }
    }
}

/// Returns the field of a message, or of the first in a list.
fn step_into(tree: &Tree, at: NodeId, step: &str) -> NodeId {
    let at = match tree.value(at) {
        Value::List(items) => items[0],
        _ => at,
    };
    let mut items = tree.items(at).iter();
    let child = items.find(|child| tree.key(**child).is_some_and(|key| camel(key) == step));
    *child.unwrap_or_else(|| panic!("a sample has no {step}"))
}

fn written(
    tree: &Tree,
    at: NodeId,
    of: &TypeDescriptor,
    prefix: &str,
    paths: &mut BTreeSet<String>,
) {
    for child in tree.items(at) {
        let Some(field) = of.field(tree.key(*child).unwrap_or_default()) else {
            continue;
        };
        let path = format!("{prefix}{}", camel(field.name));
        for value in field.values(tree, child) {
            written(tree, *value, field.of, &format!("{path}."), paths);
        }
        paths.insert(path);
    }
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
