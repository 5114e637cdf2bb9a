//! Conversion of findings to diagnostics.

use std::path::Path;
use std::sync::Arc;

use super::load::Loader;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::diagnostic::{Diagnostic, Excerpt, Severity};
use crate::istio::diagnostics::finding::{Also, Findings};
use crate::istio::model::load::yaml_document::YamlDocument;
use crate::istio::syntax::tree::Span;
use crate::istio::syntax::unreadable::RENDER;

impl Loader {
    /// Turns findings into diagnostics; `tree` is the index of the tree that they are about.
    pub(in crate::istio) fn close(
        &mut self,
        findings: Findings,
        document: &YamlDocument,
        tree: usize,
        object: &str,
    ) {
        let (found, left_out) = findings.take();
        for mut finding in found {
            let place = finding.place(&document.text, || document.tree(tree));
            let help = match finding.severity {
                Severity::Error if place.is_template => RENDER.to_owned(),
                _ => finding.help,
            };
            let also = match finding.also {
                Some(Also::OtherDocument(place)) => Some(place),
                _ => place.also.map(|span| document.location(span)),
            };
            let mut diagnostic = Diagnostic {
                severity: finding.severity,
                object: object.into(),
                path: place.path,
                message: finding.message.into(),
                effect: finding.effect.into(),
                in_istio: finding.in_istio.into(),
                help: help.into(),
                also,
                ..bare(document.file.clone(), finding.code, "")
            };
            point(&mut diagnostic, document, place.span, place.excerpt);
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
        let excerpt = Excerpt::of(&document.text, span.line, span.column);
        point(&mut diagnostic, document, span, excerpt);
        self.push(diagnostic);
    }
}

fn point(diagnostic: &mut Diagnostic, document: &YamlDocument, span: Span, excerpt: Excerpt) {
    diagnostic.excerpt = excerpt;
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
