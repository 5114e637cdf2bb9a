use std::fmt::Write;

use super::{Row, TABLES};
use crate::istio::Code;
use crate::istio::api::fields::descriptor::declaration::{Report, Size, Support, Values};
use crate::istio::api::fields::descriptor::{Cardinality, FieldDescriptor, TypeDescriptor};
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
            "<details>\n<summary>{title}</summary>\n\n| field | value | support | |\n|---|---|---|---|"
        );
        for row in table.rows() {
            let (support, remark) = support(&row);
            let same = row.same_as.iter();
            let same = same.map(|same| format!("same fields as `{same}`"));
            let remarks = std::iter::once(remark).chain(same);
            let remarks: Vec<_> = remarks.filter(|remark| !remark.is_empty()).collect();
            let (value, remarks) = (value(row.field), remarks.join("; "));
            let path = row.path;
            let _ = writeln!(text, "| `{path}` | {value} | {support} | {remarks} |");
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

/// Returns the type and the constraint of a field.
fn value(field: &FieldDescriptor) -> String {
    let names = (field.of.names)();
    let kind = match (field.of.fields, &names[..]) {
        ([], []) => field.of.name.to_owned(),
        ([], names) => format!("`{}`", names.join("`, `")),
        _ => "object".to_owned(),
    };
    let many = match field.cardinality {
        Cardinality::Map => "map",
        Cardinality::Repeated => "list",
        Cardinality::Single => "",
    };
    let declaration = &field.declaration;
    let bounds = |least: f64, most: f64| match most {
        f64::MAX => format!("{least} or more"),
        most => format!("{least} to {most}"),
    };
    let values = match declaration.values {
        Values::Any => String::new(),
        Values::Port => bounds(1.0, 65_535.0),
        Values::PortOrZero => bounds(0.0, 65_535.0),
        Values::Range(least, most, _) => bounds(least, most),
        Values::Time => "1ms or more".to_owned(),
        Values::TimeOrZero => "0 or 1ms or more".to_owned(),
    };
    let item = declaration.max_item;
    let item = item.map(|most| format!("{most} characters at most"));
    let size = declaration.size.map(|Size { least, most }| {
        let unit = match field.cardinality {
            Cardinality::Map => "entries",
            Cardinality::Repeated => "items",
            Cardinality::Single => "characters",
        };
        match least {
            0 => format!("{most} {unit} at most"),
            least => format!("{least} to {most} {unit}"),
        }
    });
    let required = declaration.required.map(|_| "required".to_owned());
    let parts = [Some(kind), Some(values), item].into_iter().flatten();
    let one: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
    let one = match (many, one.join(", ")) {
        ("", one) => one,
        (many, one) => format!("{many} of {one}"),
    };
    let all = [Some(one), size, required].into_iter().flatten();
    all.collect::<Vec<_>>().join("; ")
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
