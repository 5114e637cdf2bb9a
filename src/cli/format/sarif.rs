//! SARIF 2.1.0, which code scanners read.

use std::fmt::Write;
use std::path::Path;

use meshless::istio::{Code, Diagnostic};
use serde_json::{Map, Value, json};

/// Returns the findings as one log.
pub(crate) fn log(found: &[Diagnostic]) -> Value {
    let rules = Code::ALL.iter().map(|code| {
        json!({
            "id": code.as_str(),
            "shortDescription": {"text": code.description()},
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": env!("CARGO_PKG_NAME"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": found.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn result(found: &Diagnostic) -> Value {
    let rule = Code::ALL.iter().position(|code| *code == found.code());
    let mut result = json!({
        "ruleId": found.code().as_str(),
        "ruleIndex": rule,
        "level": found.severity().as_str(),
        "message": {"text": message(found)},
    });
    let mut location = Map::new();
    if let Some(file) = found.file() {
        let place = place(file, found.line(), found.column());
        location.insert("physicalLocation".into(), place);
    }
    if !found.field().is_empty() {
        let name = format!("{}: {}", found.object(), found.field());
        let logical = json!([{"fullyQualifiedName": name, "kind": "object"}]);
        location.insert("logicalLocations".into(), logical);
    }
    if !location.is_empty() {
        result["locations"] = json!([location]);
    }
    if let Some((Some(file), line, column)) = found.also() {
        let place = place(&file, line, column);
        result["relatedLocations"] = json!([{"id": 1, "physicalLocation": place}]);
    }
    result
}

fn message(found: &Diagnostic) -> String {
    let mut message = found.message().to_owned();
    let parts = [
        ("Here", found.effect()),
        ("Istio", found.in_istio()),
        ("Help", found.help()),
    ];
    for (title, text) in parts.iter().filter(|(_, text)| !text.is_empty()) {
        let _ = write!(message, "\n{title}: {text}");
    }
    message
}

/// Returns a place; lines and columns count from 1 in SARIF, and 0 is the whole file.
fn place(file: &Path, line: u32, column: u32) -> Value {
    let mut place = json!({"artifactLocation": {"uri": uri(file)}});
    if line > 0 && column > 0 {
        place["region"] = json!({"startLine": line, "startColumn": column});
    } else if line > 0 {
        place["region"] = json!({"startLine": line});
    }
    place
}

/// Returns the URI reference of a file: relative as the path is, with all bytes escaped that a URI does not have.
fn uri(file: &Path) -> String {
    let file = file.strip_prefix(".").unwrap_or(file);
    let mut uri = String::from(if file.is_absolute() { "file://" } else { "" });
    for byte in file.as_os_str().as_encoded_bytes() {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}
