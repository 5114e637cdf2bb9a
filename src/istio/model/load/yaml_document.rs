use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::istio::diagnostics::diagnostic::SourceLocation;
use crate::istio::syntax::tree::{Span, Tree};
use crate::istio::syntax::yaml;

/// The text between two `---` lines, at its place in a file.
///
/// Documents are parsed separately, so that invalid YAML in one does not hide the findings of the
/// others. `---` at the start of a line ends a document even within a block scalar, so splitting
/// there is always correct.
#[derive(Debug)]
pub(in crate::istio) struct YamlDocument {
    pub(in crate::istio) file: Option<Arc<Path>>,
    pub(in crate::istio) text: Arc<str>,
    /// Number of lines before the document.
    pub(in crate::istio) before: u32,
    trees: OnceLock<Vec<Arc<Tree>>>,
}

impl YamlDocument {
    pub(in crate::istio) fn new(file: Option<Arc<Path>>, text: Arc<str>, before: u32) -> Self {
        Self {
            file,
            text,
            before,
            trees: OnceLock::new(),
        }
    }

    /// Keeps the trees that were parsed, for an analysis that needs them.
    pub(in crate::istio) fn keep(&self, trees: Vec<Arc<Tree>>) {
        // Others can only be equal: they are of the same text.
        let _ = self.trees.set(trees);
    }

    /// Returns a tree, parsed again unless it was kept: few findings of the analysis need one, and all trees of
    /// a large load would take twice the memory of its objects.
    pub(in crate::istio) fn tree(&self, index: usize) -> &Arc<Tree> {
        let parse = || {
            // What it took of the budget of its load was counted there.
            let mut budget = usize::MAX;
            let trees = yaml::parse(&self.text, &mut budget);
            let trees = trees.expect("the same text was parsed before");
            trees.into_iter().map(Arc::new).collect()
        };
        &self.trees.get_or_init(parse)[index]
    }

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
