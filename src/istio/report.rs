//! From findings to diagnostics.

use std::path::Path;
use std::sync::Arc;

use super::code::Code;
use super::diagnostic::{Diagnostic, Excerpt, Severity};
use super::split::Chunk;
use super::tree::Mark;

pub(super) fn point(diagnostic: &mut Diagnostic, chunk: &Chunk, mark: Mark) {
    diagnostic.excerpt = Excerpt::of(&chunk.text, mark.line, mark.column);
    let mark = chunk.mark(mark);
    diagnostic.line = mark.line;
    diagnostic.column = mark.column;
    diagnostic.len = mark.len;
}

/// A finding about a file as a whole.
pub(super) fn bare(file: Option<Arc<Path>>, code: Code, what: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code,
        file,
        line: 0,
        column: 0,
        len: 1,
        excerpt: Excerpt::default(),
        object: "".into(),
        path: "".into(),
        what: what.into(),
        here: "nothing of it is taken".into(),
        istio: "".into(),
        mend: "".into(),
        also: None,
    }
}
