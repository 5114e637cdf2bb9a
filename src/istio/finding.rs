use super::code::Code;
use super::diagnostic::{Place, Severity};
use super::tree::{At, Tree};

/// How many findings one document may have; who has more mends these first.
const MAX_FINDINGS: usize = 100;

/// A finding about a document that is still open: it knows the place in the tree.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(super) severity: Severity,
    pub(super) code: Code,
    pub(super) at: At,
    pub(super) key: bool,
    pub(super) missing: &'static str,
    pub(super) what: String,
    pub(super) here: String,
    pub(super) istio: String,
    pub(super) mend: String,
    pub(super) also: Option<Also>,
}

/// A second place.
#[derive(Debug)]
pub(crate) enum Also {
    Here(At),
    There(Place),
}

/// The findings about one document.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Vec<Finding>,
    left_out: usize,
}

impl Finding {
    pub(crate) fn error(code: Code, at: At) -> Self {
        Self::new(Severity::Error, code, at)
    }

    pub(crate) fn note(code: Code, at: At) -> Self {
        Self::new(Severity::Note, code, at)
    }

    pub(crate) fn warning(code: Code, at: At) -> Self {
        Self::new(Severity::Warning, code, at)
    }

    /// What `istioctl validate` refuses.
    pub(crate) fn refused(at: At) -> Self {
        Self::error(Code::SchemaValidation, at)
            .here("the document is not taken")
            .istio("`istioctl validate` and Istio's webhook refuse it")
    }

    /// Points to the key and not to the value.
    pub(crate) fn at_key(mut self) -> Self {
        self.key = true;
        self
    }

    /// Names the field that is not there.
    pub(crate) fn missing(mut self, field: &'static str) -> Self {
        self.missing = field;
        self
    }

    pub(crate) fn what(mut self, what: impl Into<String>) -> Self {
        self.what = what.into();
        self
    }

    pub(crate) fn here(mut self, here: impl Into<String>) -> Self {
        self.here = here.into();
        self
    }

    pub(crate) fn istio(mut self, istio: impl Into<String>) -> Self {
        self.istio = istio.into();
        self
    }

    pub(crate) fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = mend.into();
        self
    }

    pub(crate) fn also(mut self, also: At) -> Self {
        self.also = Some(Also::Here(also));
        self
    }

    /// Names a second place, in another document.
    pub(crate) fn also_there(mut self, place: Place) -> Self {
        self.also = Some(Also::There(place));
        self
    }

    /// Returns the path of the field that it is about.
    pub(crate) fn path(&self, tree: &Tree) -> String {
        let path = tree.path(self.at);
        match (path.is_empty(), self.missing.is_empty()) {
            (_, true) => path,
            (true, false) => self.missing.to_owned(),
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
        is_beside || is_whole || tree.key(first) == Some(self.missing)
    }

    fn new(severity: Severity, code: Code, at: At) -> Self {
        Self {
            severity,
            code,
            at,
            key: false,
            missing: "",
            what: String::new(),
            here: String::new(),
            istio: String::new(),
            mend: String::new(),
            also: None,
        }
    }
}

impl Findings {
    pub(crate) fn push(&mut self, finding: Finding) {
        if self.found.len() < MAX_FINDINGS {
            return self.found.push(finding);
        }
        self.left_out += 1;
        // An error must not go missing among what matters less: the document would be taken.
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
    pub(super) fn drop_follow_ups(&mut self, tree: &Tree) {
        let misread: Vec<_> = self.found.iter().filter(|own| own.is_misread()).collect();
        let follows = |own: &Finding| misread.iter().any(|cause| own.follows(cause, tree));
        let keep: Vec<_> = self.found.iter().map(|own| !follows(own)).collect();
        let mut keep = keep.into_iter();
        self.found.retain(|_| keep.next().unwrap_or(true));
    }

    /// Makes errors of the warnings.
    pub(crate) fn raise(&mut self) {
        for finding in &mut self.found {
            if finding.severity == Severity::Warning {
                finding.severity = Severity::Error;
            }
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.found
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    /// Returns the findings, and how many more there were.
    pub(super) fn take(self) -> (Vec<Finding>, usize) {
        (self.found, self.left_out)
    }
}
