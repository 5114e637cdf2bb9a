//! Istio's YAML, read and judged: what is found, where, how it is shown, and that no input breaks it.

mod analyze;
mod analyzers;
mod any_bytes;
mod diagnostics;
mod examples;
mod gallery;
mod kubernetes;
mod loading;
mod not_acting;
mod policies;
mod real_files;
mod references;
mod validation;
mod words;

use meshless::istio::{Documents, Severity};

/// Returns the code and place of each finding, as `IST0101 12:3`, but for notes.
fn findings(documents: &Documents) -> Vec<String> {
    let found = documents.diagnostics().iter();
    found
        .filter(|found| found.severity() > Severity::Note)
        .map(|found| format!("{} {}:{}", found.code(), found.line(), found.column()))
        .collect()
}

/// Returns the codes of all findings, notes included.
fn codes(text: &str) -> Vec<&'static str> {
    let documents = Documents::from_yaml(text);
    documents
        .diagnostics()
        .iter()
        .map(|found| found.code().as_str())
        .collect()
}
