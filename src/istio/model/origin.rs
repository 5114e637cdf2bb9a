use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::sync::Arc;

use crate::istio::syntax::tree::{NodeId, Tree};

/// Place of a setting in the documents: a file and a line.
///
/// `Display` writes `file:line`, with `<text>` for documents that were not read from a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    file: Option<Arc<Path>>,
    line: u32,
}

/// Lines of a document's values, kept where the tree is not.
#[derive(Debug, Default)]
pub(in crate::istio) struct Lines {
    file: Option<Arc<Path>>,
    lines: Box<[u32]>,
}

impl Origin {
    /// Returns the file; `None` for a text that was not read from a file.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Returns the line, from 1.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.line
    }
}

impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}:{}", file.display(), self.line),
            None => write!(f, "<text>:{}", self.line),
        }
    }
}

impl Lines {
    /// Reads the lines of a tree, which begins after `before` lines of its file.
    pub(in crate::istio) fn of(tree: &Tree, file: Option<Arc<Path>>, before: u32) -> Self {
        let lines = tree.ids().map(|at| tree.focus(at).line);
        Self {
            file,
            lines: lines.map(|line| line.saturating_add(before)).collect(),
        }
    }

    pub(in crate::istio) fn origin(&self, at: NodeId) -> Origin {
        Origin {
            file: self.file.clone(),
            line: self.lines.get(at.index()).copied().unwrap_or_default(),
        }
    }
}
