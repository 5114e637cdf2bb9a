use std::path::Path;
use std::sync::Arc;

use crate::istio::diagnostics::diagnostic::SourceLocation;
use crate::istio::syntax::tree::Span;

/// The text between two `---` lines.
///
/// Documents are parsed separately, so that invalid YAML in one does not hide the findings of the
/// others. `---` at the start of a line ends a document even within a block scalar, so splitting
/// there is always correct.
#[derive(Debug)]
pub(in crate::istio) struct YamlDocument {
    pub(in crate::istio) file: Option<Arc<Path>>,
    pub(in crate::istio) text: String,
    /// Number of lines before the document.
    pub(in crate::istio) before: u32,
}

impl YamlDocument {
    /// Converts a position in the document to one in the file.
    pub(in crate::istio) fn span(&self, span: Span) -> Span {
        Span {
            line: span.line.saturating_add(self.before),
            ..span
        }
    }

    pub(in crate::istio) fn location(&self, span: Span) -> SourceLocation {
        let span = self.span(span);
        SourceLocation {
            file: self.file.clone(),
            line: span.line,
            column: span.column,
        }
    }
}
