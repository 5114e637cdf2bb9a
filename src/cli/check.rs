use std::io;
use std::process::ExitCode;

use meshless::istio::{Code, Diagnostic, Documents, Severity};

use super::FAILED;
use super::args::{Check, Deny, Format};
use super::format;
use super::input::inputs;
use super::output::Output;

/// Checks documents, prints the findings and returns the exit code.
pub(crate) fn run(args: &Check, mut output: Output) -> io::Result<ExitCode> {
    let namespace = args.default_namespace.as_str();
    let documents = Documents::from_inputs_in(inputs(&args.paths)?, namespace);
    let found = documents.diagnostics();
    match args.format {
        Format::Text => text(&documents, &mut output)?,
        Format::Json => {
            for one in found {
                output.line(&one.to_json())?;
            }
        }
        Format::Sarif => output.line(&format::sarif::log(found).to_string())?,
        Format::Github => {
            for one in found {
                output.line(&format::github::annotation(one))?;
            }
        }
    }
    output.finish()?;
    let is_empty = documents.resources().is_empty() && documents.skipped() == 0 && found.is_empty();
    if is_empty {
        return Err(io::Error::other("there is no document in these paths"));
    }
    let is_denied = args.deny == Some(Deny::Warnings) && documents.count(Severity::Warning) > 0;
    Ok(if found.iter().any(is_unreadable) {
        ExitCode::from(FAILED)
    } else {
        ExitCode::from(u8::from(documents.has_errors() || is_denied))
    })
}

/// Returns true if a file could not be read at all; invalid YAML has a line.
fn is_unreadable(found: &Diagnostic) -> bool {
    found.code() == Code::Unreadable && found.line() == 0
}

fn text(documents: &Documents, output: &mut Output) -> io::Result<()> {
    for found in documents.diagnostics() {
        let text = if output.is_colored {
            found.to_ansi()
        } else {
            found.to_string()
        };
        output.line(&text)?;
    }
    let counts = [
        (Severity::Error, "error"),
        (Severity::Warning, "warning"),
        (Severity::Note, "note"),
    ];
    let counts = counts.map(|(severity, name)| counted(documents.count(severity), name));
    let objects = counted(documents.resources().len(), "object");
    let skipped = counted(documents.skipped(), "other document");
    output.line(&format!(
        "{objects} of Istio checked, {skipped} skipped: {}",
        counts.join(", ")
    ))
}

fn counted(number: usize, name: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {name}{plural}")
}
