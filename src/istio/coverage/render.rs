use std::fmt::Write;

use super::{Row, TABLES};
use crate::istio::Code;
use crate::istio::api::fields::descriptor::TypeDescriptor;
use crate::istio::api::fields::descriptor::declaration::{Report, Support};
use crate::istio::model::kind::Kind;
use crate::istio::validation::unenforced;

/// Support of a field that orders nothing which exists here.
const VOID: &str = "nothing to enforce";

/// Renders the tables of `docs/istio-support.md`, one for each kind.
pub(super) fn render() -> String {
    let mut text = String::new();
    for table in &TABLES {
        let title = table.title;
        let _ = writeln!(
            text,
            "<details>\n<summary>{title}</summary>\n\n| field | support | |\n|---|---|---|"
        );
        for row in table.rows() {
            let (support, remark) = support(&row);
            let same = row.same_as.iter();
            let same = same.map(|same| format!("same fields as `{same}`"));
            let remarks = std::iter::once(remark).chain(same);
            let remarks: Vec<_> = remarks.filter(|remark| !remark.is_empty()).collect();
            let (path, remarks) = (row.path, remarks.join("; "));
            let _ = writeln!(text, "| `{path}` | {support} | {remarks} |");
        }
        text += "\n</details>\n\n";
    }
    text += "<details>\n<summary>Kinds whose fields are all checked and not enforced</summary>\n\n";
    text += "| kind | support | |\n|---|---|---|\n";
    for kind in Kind::ALL.iter().filter(|kind| kind.is_validated_only()) {
        let (code, (effect, _)) = (Code::NotEnforced, unenforced(*kind));
        let _ = writeln!(text, "| `{kind}` | warning `{code}` | {effect} |");
    }
    text + "\n</details>\n\n"
}

/// Returns the support of a field, and a remark.
fn support(row: &Row) -> (String, String) {
    let declaration = &row.field.declaration;
    let warned = declaration.warning.map(|warning| {
        let code = Code::SchemaWarning;
        (format!("warning `{code}`"), warning.effect.to_owned())
    });
    match (declaration.support, warned) {
        (Support::Enforced(""), Some((support, effect))) => {
            ("enforced".to_owned(), format!("{effect} ({support})"))
        }
        (Support::Enforced(remark), _) => {
            let is_enforced = row.is_leaf || has_enforced(row.field.of);
            let support = if is_enforced { "enforced" } else { VOID };
            (support.to_owned(), remark.to_owned())
        }
        (Support::Void(_), Some(warned)) => warned,
        (Support::Void(reason), None) => (VOID.to_owned(), reason.to_owned()),
        (Support::Rejected(_), _) => ("rejected".to_owned(), "as in Istio".to_owned()),
        (Support::By(name), _) => {
            let mut beside = row.beside.iter();
            reported(
                beside.find_map(|field| field.declaration.report.filter(|_| field.name == name)),
            )
        }
        (Support::None, _) => reported(declaration.report),
    }
}

/// Says whether a message has a field that is enforced.
fn has_enforced(of: &TypeDescriptor) -> bool {
    of.fields.iter().any(|field| {
        let is_enforced = matches!(field.declaration.support, Support::Enforced(_));
        is_enforced && (field.of.fields.is_empty() || has_enforced(field.of))
    })
}

fn reported(report: Option<Report>) -> (String, String) {
    let report = report.expect("a field without effect has a finding");
    let severity = if report.help.is_some() {
        "warning"
    } else {
        "note"
    };
    let code = Code::FieldWithoutEffect;
    (format!("{severity} `{code}`"), report.effect.to_owned())
}
