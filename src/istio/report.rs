//! From findings to diagnostics.

use std::path::Path;
use std::sync::Arc;

use super::code::Code;
use super::diagnostic::{Diagnostic, Excerpt, Severity};
use super::finding::{Also, Findings};
use super::load::Load;
use super::split::Chunk;
use super::tree::{Mark, Tree};
use super::unreadable::{RENDER, is_template};

impl Load {
    /// Turns findings into diagnostics, which need no tree.
    pub(super) fn close(&mut self, findings: Findings, tree: &Tree, chunk: &Chunk, object: &str) {
        let (found, left_out) = findings.take();
        for finding in found {
            let mark = if finding.key {
                tree.key_mark(finding.at)
            } else {
                tree.point(finding.at)
            };
            let path = finding.path(tree);
            let is_filled_in = tree.text(finding.at).is_some_and(is_template);
            let mend = match finding.severity {
                Severity::Error if is_filled_in => RENDER.to_owned(),
                _ => finding.mend,
            };
            let also = finding.also;
            let mut diagnostic = Diagnostic {
                severity: finding.severity,
                object: object.into(),
                path: path.into(),
                what: finding.what.into(),
                here: finding.here.into(),
                istio: finding.istio.into(),
                mend: mend.into(),
                also: also.map(|also| match also {
                    Also::Here(at) => chunk.place(tree.key_mark(at)),
                    Also::There(place) => place,
                }),
                ..bare(chunk.file.clone(), finding.code, "")
            };
            point(&mut diagnostic, chunk, mark);
            self.keep(diagnostic);
        }
        if left_out > 0 {
            let what = match left_out {
                1 => "there is 1 finding more in this document".to_owned(),
                _ => format!("there are {left_out} findings more in this document"),
            };
            self.chunk_error(chunk, Code::MoreFindings, Mark::default(), &what);
        }
    }

    pub(super) fn chunk_error(&mut self, chunk: &Chunk, code: Code, mark: Mark, what: &str) {
        self.text_error(chunk, code, mark, what, None);
    }

    pub(super) fn text_error(
        &mut self,
        chunk: &Chunk,
        code: Code,
        mark: Mark,
        what: &str,
        mend: Option<&str>,
    ) {
        let mut diagnostic = bare(chunk.file.clone(), code, what);
        if let Some(mend) = mend {
            diagnostic.mend = mend.into();
        }
        let first = Mark {
            line: 1,
            column: 1,
            len: 1,
        };
        let mark = if mark.line == 0 { first } else { mark };
        point(&mut diagnostic, chunk, mark);
        self.keep(diagnostic);
    }
}

fn point(diagnostic: &mut Diagnostic, chunk: &Chunk, mark: Mark) {
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
