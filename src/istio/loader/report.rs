//! Conversion of findings to diagnostics.

use std::path::Path;
use std::sync::Arc;

use super::load::Loader;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::diagnostic::{Diagnostic, Excerpt, Severity};
use crate::istio::diagnostics::finding::{Also, Findings};
use crate::istio::model::load::yaml_document::YamlDocument;
use crate::istio::syntax::tree::{Span, Tree};
use crate::istio::syntax::unreadable::{RENDER, is_template};

impl Loader {
    /// Turns findings into diagnostics, which need no tree.
    pub(in crate::istio) fn close(
        &mut self,
        findings: Findings,
        tree: &Tree,
        document: &YamlDocument,
        object: &str,
    ) {
        let (found, left_out) = findings.take();
        for finding in found {
            let span = if finding.points_to_key {
                tree.key_span(finding.at)
            } else {
                tree.focus(finding.at)
            };
            let path = finding.path(tree);
            let is_filled_in = tree.text(finding.at).is_some_and(is_template);
            let help = match finding.severity {
                Severity::Error if is_filled_in => RENDER.to_owned(),
                _ => finding.help,
            };
            let also = finding.also;
            let mut diagnostic = Diagnostic {
                severity: finding.severity,
                object: object.into(),
                path: path.into(),
                message: finding.message.into(),
                effect: finding.effect.into(),
                in_istio: finding.in_istio.into(),
                help: help.into(),
                also: also.map(|also| match also {
                    Also::SameDocument(at) => document.location(tree.key_span(at)),
                    Also::OtherDocument(place) => place,
                }),
                ..bare(document.file.clone(), finding.code, "")
            };
            point(&mut diagnostic, document, span);
            self.push(diagnostic);
        }
        if left_out > 0 {
            let message = match left_out {
                1 => "there is 1 finding more in this document".to_owned(),
                _ => format!("there are {left_out} findings more in this document"),
            };
            self.document_error(document, Code::MoreFindings, Span::default(), &message);
        }
    }

    pub(in crate::istio) fn document_error(
        &mut self,
        document: &YamlDocument,
        code: Code,
        span: Span,
        message: &str,
    ) {
        self.text_error(document, code, span, message, None);
    }

    pub(in crate::istio) fn text_error(
        &mut self,
        document: &YamlDocument,
        code: Code,
        span: Span,
        message: &str,
        help: Option<&str>,
    ) {
        let mut diagnostic = bare(document.file.clone(), code, message);
        if let Some(help) = help {
            diagnostic.help = help.into();
        }
        let first = Span {
            line: 1,
            column: 1,
            len: 1,
        };
        let span = if span.line == 0 { first } else { span };
        point(&mut diagnostic, document, span);
        self.push(diagnostic);
    }
}

fn point(diagnostic: &mut Diagnostic, document: &YamlDocument, span: Span) {
    diagnostic.excerpt = Excerpt::of(&document.text, span.line, span.column);
    let span = document.span(span);
    diagnostic.line = span.line;
    diagnostic.column = span.column;
    diagnostic.len = span.len;
}

/// A finding about a file as a whole.
pub(in crate::istio) fn bare(file: Option<Arc<Path>>, code: Code, message: &str) -> Diagnostic {
    let (effect, istio, help) = words(code);
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
        message: message.into(),
        effect: effect.into(),
        in_istio: istio.into(),
        help: help.into(),
        also: None,
    }
}

/// Returns effect, behaviour in Istio and help for findings before an object is known.
const fn words(code: Code) -> (&'static str, &'static str, &'static str) {
    match code {
        Code::MoreFindings => (
            "they are counted, but not shown",
            "`istioctl` shows all findings",
            "fix those that are shown, and load again",
        ),
        Code::TooLarge => (
            "none of it applies",
            "Kubernetes rejects objects above 1.5 MiB",
            "split it, and expand its aliases",
        ),
        _ => (
            "none of it applies",
            "`kubectl` and `istioctl` cannot read it either",
            "correct it; other documents are loaded regardless",
        ),
    }
}
