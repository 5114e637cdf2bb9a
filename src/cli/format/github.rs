//! Workflow commands of GitHub Actions, which annotate the lines of a pull request.

use std::fmt::Write;

use meshless::istio::{Diagnostic, Severity};

/// Returns the finding as one command.
pub(crate) fn annotation(found: &Diagnostic) -> String {
    let command = match found.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut line = format!("::{command} ");
    if let Some(file) = found.file() {
        let _ = write!(line, "file={},", property(&file.to_string_lossy()));
        if found.line() > 0 {
            let _ = write!(line, "line={},col={},", found.line(), found.column());
        }
    }
    let code = found.code().as_str();
    let _ = write!(line, "title={}::{}", property(code), data(&message(found)));
    line
}

fn message(found: &Diagnostic) -> String {
    let mut message = found.message().to_owned();
    if !found.field().is_empty() {
        let _ = write!(message, "\n{} of {}", found.field(), found.object());
    }
    let parts = [
        ("here", found.effect()),
        ("Istio", found.in_istio()),
        ("help", found.help()),
    ];
    for (title, text) in parts.iter().filter(|(_, text)| !text.is_empty()) {
        let _ = write!(message, "\n{title}: {text}");
    }
    message
}

/// Escapes the text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
