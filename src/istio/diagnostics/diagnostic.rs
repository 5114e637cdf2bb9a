use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::code::Code;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Nothing is wrong; something is worth knowing.
    Note,
    /// The document is taken, and does something else than its author may think.
    Warning,
    /// The document is not taken.
    Error,
}

/// One finding about a file: what is wrong where, what follows here and in Istio, and the mend.
///
/// `Display` prints it as rustc does, with the line it is about;
/// [`to_json`](Self::to_json) gives it to a program.
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

/// The part of a line that a finding is about, and how far into it the place is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::istio) struct Excerpt {
    pub(in crate::istio) text: Box<str>,
    pub(in crate::istio) before: usize,
}

/// A second place that a finding is about.
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
    /// Returns how much it matters.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// Returns its code, which stays the same from release to release.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Returns the file; `None` for a text that was not read from one.
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

    /// Returns the object as `Kind namespace/name`, or an empty text if that is not known.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.object
    }

    /// Returns the path of the field, such as `spec.http[0].timeout`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.path
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns what follows from it here.
    #[must_use]
    pub fn effect(&self) -> &str {
        &self.effect
    }

    /// Returns what Istio, Envoy or Kubernetes would do.
    #[must_use]
    pub fn in_istio(&self) -> &str {
        &self.in_istio
    }

    /// Returns what to write instead.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Returns the file, line and column of the second place, if the finding is about two.
    #[must_use]
    pub fn also(&self) -> Option<(Option<PathBuf>, u32, u32)> {
        let place = self.also.as_ref()?;
        let file = place.file.as_deref().map(Path::to_path_buf);
        Some((file, place.line, place.column))
    }
}
