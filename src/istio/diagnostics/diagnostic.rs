use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::code::Code;

/// Severity of a finding.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Information; nothing is wrong.
    Note,
    /// The document is accepted, but may not do what its author intended.
    Warning,
    /// The document is rejected.
    Error,
}

/// A finding about a file: message, position, effect in this crate and in Istio, and help.
///
/// `Display` prints it in the format of rustc, with the source line, and [`to_ansi`](Self::to_ansi) with colors;
/// [`to_json`](Self::to_json) returns it in machine-readable form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Diagnostic {
    pub(in crate::istio) severity: Severity,
    pub(in crate::istio) code: Code,
    pub(in crate::istio) file: Option<Arc<Path>>,
    pub(in crate::istio) line: u32,
    pub(in crate::istio) column: u32,
    pub(in crate::istio) len: u32,
    pub(in crate::istio) excerpt: Excerpt,
    pub(in crate::istio) object: Box<str>,
    pub(in crate::istio) path: Box<str>,
    pub(in crate::istio) message: Box<str>,
    pub(in crate::istio) effect: Box<str>,
    pub(in crate::istio) in_istio: Box<str>,
    pub(in crate::istio) help: Box<str>,
    pub(in crate::istio) also: Option<SourceLocation>,
}

/// Excerpt of a source line, and the column of the finding in it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::istio) struct Excerpt {
    pub(in crate::istio) text: Box<str>,
    pub(in crate::istio) before: usize,
    /// Number of characters of the line before the excerpt.
    pub(in crate::istio) start: usize,
}

/// A second position of a finding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SourceLocation {
    pub(in crate::istio) file: Option<Arc<Path>>,
    pub(in crate::istio) line: u32,
    pub(in crate::istio) column: u32,
}

impl Severity {
    /// Returns the name: `error`, `warning` or `note`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Diagnostic {
    /// Returns the severity.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// Returns the code, which is stable across releases.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Returns the file; `None` for a text that was not read from a file.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Returns the line, from 1; 0 if the finding is about the whole file.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.line
    }

    /// Returns the column in characters, from 1; 0 if the finding is about the whole file.
    #[must_use]
    pub const fn column(&self) -> u32 {
        self.column
    }

    /// Returns the object as `Kind namespace/name`; empty if unknown.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.object
    }

    /// Returns the path of the field, such as `spec.http[0].timeout`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.path
    }

    /// Returns the message: the problem in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the effect of the problem in this crate.
    #[must_use]
    pub fn effect(&self) -> &str {
        &self.effect
    }

    /// Returns the behaviour of Istio, Envoy or Kubernetes.
    #[must_use]
    pub fn in_istio(&self) -> &str {
        &self.in_istio
    }

    /// Returns the suggested correction.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Returns the file, line and column of the second position, if there is one.
    #[must_use]
    pub fn also(&self) -> Option<(Option<PathBuf>, u32, u32)> {
        let place = self.also.as_ref()?;
        let file = place.file.as_deref().map(Path::to_path_buf);
        Some((file, place.line, place.column))
    }
}
