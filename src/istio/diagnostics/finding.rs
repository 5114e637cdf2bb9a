use std::borrow::Cow;

use super::code::Code;
use super::diagnostic::{Excerpt, Severity, SourceLocation};
use crate::istio::syntax::tree::{NodeId, Span, Tree};
use crate::istio::syntax::unreadable::is_template;

/// Maximum number of findings per document; the others are counted.
const MAX_FINDINGS: usize = 100;

/// A finding before it becomes a [`Diagnostic`](crate::istio::Diagnostic): its position is a node
/// of the tree.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(in crate::istio) severity: Severity,
    pub(in crate::istio) code: Code,
    pub(in crate::istio) at: NodeId,
    pub(in crate::istio) points_to_key: bool,
    pub(in crate::istio) missing: Cow<'static, str>,
    pub(in crate::istio) message: String,
    pub(in crate::istio) effect: String,
    pub(in crate::istio) in_istio: String,
    pub(in crate::istio) help: String,
    pub(in crate::istio) also: Option<Also>,
    /// Place in the text; `None` until it is taken from the tree.
    place: Option<Box<FindingPlace>>,
}

/// Place of a finding in the text of its document, for which the tree is needed no more.
#[derive(Clone, Debug)]
pub(in crate::istio) struct FindingPlace {
    pub(in crate::istio) also: Option<Span>,
    pub(in crate::istio) excerpt: Excerpt,
    /// True if the value is a template that nothing has filled in.
    pub(in crate::istio) is_template: bool,
    pub(in crate::istio) path: Box<str>,
    pub(in crate::istio) span: Span,
}

/// A second position.
#[derive(Clone, Debug)]
pub(crate) enum Also {
    SameDocument(NodeId),
    OtherDocument(SourceLocation),
}

/// The findings about one document.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    found: Vec<Finding>,
    left_out: usize,
}

impl Finding {
    pub(crate) fn error(code: Code, at: NodeId) -> Self {
        Self::new(Severity::Error, code, at)
    }

    pub(crate) fn note(code: Code, at: NodeId) -> Self {
        Self::new(Severity::Note, code, at)
    }

    pub(crate) fn warning(code: Code, at: NodeId) -> Self {
        Self::new(Severity::Warning, code, at)
    }

    /// Creates an error of `istioctl validate`.
    pub(crate) fn rejected(at: NodeId) -> Self {
        Self::error(Code::SchemaValidation, at)
            .effect("the document is rejected")
            .in_istio("`istioctl validate` and Istio's webhook reject it")
    }

    /// Points to the key instead of the value.
    pub(crate) fn at_key(mut self) -> Self {
        self.points_to_key = true;
        self
    }

    /// Sets the name of the missing field.
    pub(crate) fn missing(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.missing = field.into();
        self
    }

    pub(crate) fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    pub(crate) fn effect(mut self, effect: impl Into<String>) -> Self {
        self.effect = effect.into();
        self
    }

    pub(crate) fn in_istio(mut self, istio: impl Into<String>) -> Self {
        self.in_istio = istio.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    pub(crate) fn also(mut self, also: NodeId) -> Self {
        self.also = Some(Also::SameDocument(also));
        self
    }

    /// Adds a second position, in another document.
    pub(crate) fn also_there(mut self, place: SourceLocation) -> Self {
        self.also = Some(Also::OtherDocument(place));
        self
    }

    /// Returns the path of the finding's field.
    pub(crate) fn path(&self, tree: &Tree) -> String {
        let path = tree.path(self.at);
        match (path.is_empty(), self.missing.is_empty()) {
            (_, true) => path,
            (true, false) => self.missing.to_string(),
            (false, false) => format!("{path}.{}", self.missing),
        }
    }

    /// Says whether it is about a field that could not be read.
    fn is_misread(&self) -> bool {
        matches!(self.code, Code::UnknownField | Code::WrongType)
    }

    /// Says whether it would most likely not be there if what `cause` is about were mended.
    fn follows(&self, cause: &Self, tree: &Tree) -> bool {
        let judges = matches!(
            self.code,
            Code::Ineffective | Code::LimitNotEnforced | Code::SchemaValidation
        );
        if !judges || !tree.is_below(cause.at, self.at) {
            return false;
        }
        // What is missing may be what was misspelt beside it, or what could not be read.
        let first = tree.step_below(cause.at, self.at);
        let is_beside = cause.code == Code::UnknownField && first.is(cause.at);
        let is_whole = self.missing.is_empty() && self.code == Code::SchemaValidation;
        is_beside || is_whole || tree.key(first) == Some(&*self.missing)
    }

    fn new(severity: Severity, code: Code, at: NodeId) -> Self {
        Self {
            severity,
            code,
            at,
            points_to_key: false,
            missing: Cow::Borrowed(""),
            message: String::new(),
            effect: String::new(),
            in_istio: String::new(),
            help: String::new(),
            also: None,
            place: None,
        }
    }

    /// Takes the place from the tree, unless that is done.
    pub(in crate::istio) fn place<'a>(
        &mut self,
        text: &str,
        tree: impl FnOnce() -> &'a Tree,
    ) -> FindingPlace {
        match self.place.take() {
            Some(place) => *place,
            None => self.place_in(text, tree()),
        }
    }

    fn place_in(&self, text: &str, tree: &Tree) -> FindingPlace {
        let span = if self.points_to_key {
            tree.key_span(self.at)
        } else {
            tree.focus(self.at)
        };
        FindingPlace {
            also: match self.also {
                Some(Also::SameDocument(at)) => Some(tree.key_span(at)),
                Some(Also::OtherDocument(_)) | None => None,
            },
            excerpt: Excerpt::of(text, span.line, span.column),
            is_template: tree.text(self.at).is_some_and(is_template),
            path: self.path(tree).into(),
            span,
        }
    }
}

impl Findings {
    pub(crate) fn push(&mut self, finding: Finding) {
        if self.found.len() < MAX_FINDINGS {
            return self.found.push(finding);
        }
        self.left_out += 1;
        // An error must not be dropped in favour of warnings: the document would be accepted.
        if finding.severity == Severity::Error
            && let Some(last) = self
                .found
                .iter_mut()
                .rfind(|own| own.severity < Severity::Error)
        {
            *last = finding;
        }
    }

    /// Says whether something of the document could not be read, so that what was read is not what is written.
    pub(crate) fn is_misread(&self) -> bool {
        self.found.iter().any(Finding::is_misread)
    }

    /// Removes what follows from a field that could not be read: one mistake is one finding.
    pub(in crate::istio) fn drop_follow_ups(&mut self, tree: &Tree) {
        let misread: Vec<_> = self.found.iter().filter(|own| own.is_misread()).collect();
        let follows = |own: &Finding| misread.iter().any(|cause| own.follows(cause, tree));
        let keep: Vec<_> = self.found.iter().map(|own| !follows(own)).collect();
        let mut keep = keep.into_iter();
        self.found.retain(|_| keep.next().unwrap_or(true));
    }

    /// Takes the places of all findings from the tree of their document, which is then needed no more.
    pub(in crate::istio) fn take_places(&mut self, text: &str, tree: &Tree) {
        for finding in &mut self.found {
            finding.place = Some(Box::new(finding.place_in(text, tree)));
        }
        self.found.shrink_to_fit();
    }

    /// Makes errors of the warnings.
    pub(crate) fn raise(&mut self) {
        for finding in &mut self.found {
            if finding.severity == Severity::Warning {
                finding.severity = Severity::Error;
            }
        }
    }

    pub(in crate::istio) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.left_out == 0
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.found
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    /// Returns the findings, and the number of dropped ones.
    pub(in crate::istio) fn take(self) -> (Vec<Finding>, usize) {
        (self.found, self.left_out)
    }
}
