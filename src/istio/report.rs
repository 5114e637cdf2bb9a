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
    let (here, istio, mend) = words(code);
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
        here: here.into(),
        istio: istio.into(),
        mend: mend.into(),
        also: None,
    }
}

/// Returns what follows here and in Istio, and the mend, for what is found before there is an object.
const fn words(code: Code) -> (&'static str, &'static str, &'static str) {
    match code {
        Code::MoreFindings => (
            "they are counted, and not shown",
            "`istioctl` shows all that it finds",
            "mend those that are shown, and load again",
        ),
        Code::TooLarge => (
            "nothing of it is taken",
            "Kubernetes takes no object above 1.5 MiB",
            "split it, and write out what its aliases stand for",
        ),
        _ => (
            "nothing of it is taken",
            "`kubectl` and `istioctl` cannot read it either",
            "correct it there: other documents are read all the same",
        ),
    }
}
