use std::fmt::Write;

use super::tests::{Found, found};
use super::{Support, TABLES, Table};
use crate::istio::api::fields::shape::field_paths;

/// Renders the tables of `docs/istio-support.md`, one for each kind.
pub(super) fn render() -> String {
    TABLES.iter().fold(String::new(), |mut text, table| {
        let title = table.title;
        let _ = writeln!(
            text,
            "<details>\n<summary>{title}</summary>\n\n| field | support | |\n|---|---|---|"
        );
        rows(table, &mut text);
        text + "\n</details>\n\n"
    })
}

fn rows(table: &Table, text: &mut String) {
    let findings = found(table, table.noted);
    let places = field_paths(&(table.root)(), &|path| table.is_whole(path));
    for (place, (path, support)) in places.iter().zip(table.rows) {
        let (support, remark) = match support {
            Support::Enforced(remark) => ("enforced".to_owned(), (*remark).to_owned()),
            Support::Noted(code, at) => {
                noted(&findings, *code, if at.is_empty() { path } else { at })
            }
            Support::Rejected => ("rejected".to_owned(), "as in Istio".to_owned()),
            Support::Void(remark) => ("nothing to enforce".to_owned(), (*remark).to_owned()),
        };
        let same = place.same_as.as_ref();
        let same = same.map(|same| format!("same fields as `{same}`"));
        let remarks = [Some(remark), same].into_iter().flatten();
        let remarks: Vec<_> = remarks.filter(|remark| !remark.is_empty()).collect();
        let _ = writeln!(text, "| `{path}` | {support} | {} |", remarks.join("; "));
    }
}

/// Returns the effect and help of the finding.
fn noted(findings: &[Found], code: crate::istio::Code, at: &str) -> (String, String) {
    let one = findings
        .iter()
        .find(|one| one.code == code && one.path == at);
    let severity = one.map_or("", |one| one.severity.as_str());
    let effect = one.map(|one| one.here.clone()).unwrap_or_default();
    (format!("{severity} `{code}`"), effect)
}
