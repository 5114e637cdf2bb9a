use std::path::Path;
use std::sync::Arc;

use super::advise;
use super::code::Code;
use super::diagnostic::{Diagnostic, Place};
use super::documents::{Documents, Resource};
use super::finding::Findings;
use super::foreign::Foreign;
use super::kind::Kind;
use super::loading::Loading;
use super::object::{self, Content, Items, Object};
use super::report::bare;
use super::split::{self, Chunk};
use super::tree::{At, Mark, Tree, Value};
use super::unreadable::known;
use super::{files, yaml};

/// How many bytes of text one load takes.
pub(super) const MAX_TEXT: usize = 64 << 20;
/// How many bytes one document may have: what Kubernetes takes in one request.
const MAX_DOCUMENT: usize = 3 << 20;
/// How many documents one load takes.
const MAX_DOCUMENTS: usize = 100_000;
/// What the values of all documents may take in memory, with what aliases repeat.
const MAX_MEMORY: usize = 512 << 20;
/// How many findings are kept; who has more mends these first.
const MAX_DIAGNOSTICS: usize = 10_000;

/// Documents while they are loaded.
#[derive(Debug)]
pub(super) struct Load {
    loading: Loading,
    units: Vec<Unit>,
    foreign: Vec<Foreign>,
    diagnostics: Vec<Diagnostic>,
    passed_over: usize,
    blank: Vec<Arc<Path>>,
    /// What is left of the budgets.
    text: usize,
    memory: usize,
}

/// An object with all that a finding about it needs.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) object: Object,
    pub(crate) findings: Findings,
    tree: Arc<Tree>,
    chunk: Arc<Chunk>,
}

impl Load {
    pub(super) fn new(loading: Loading) -> Self {
        Self {
            loading,
            units: Vec::new(),
            foreign: Vec::new(),
            diagnostics: Vec::new(),
            passed_over: 0,
            blank: Vec::new(),
            text: MAX_TEXT,
            memory: MAX_MEMORY,
        }
    }

    pub(super) fn path(&mut self, path: &Path) {
        for found in files::find(path) {
            match found.and_then(|path| Ok((files::read(&path, self.text)?, path))) {
                Ok((bytes, path)) => self.text(Some(path.into()), &bytes),
                Err((path, reason)) => {
                    let what = format!("cannot be read: {reason}");
                    self.keep(Diagnostic {
                        mend: "see that it is there, and that this process may read it".into(),
                        ..bare(Some(path.into()), Code::Unreadable, &what)
                    });
                }
            }
        }
    }

    pub(super) fn text(&mut self, file: Option<Arc<Path>>, bytes: &[u8]) {
        let Some(left) = self.text.checked_sub(bytes.len()) else {
            let what = format!("there is more text than {MAX_TEXT} bytes");
            return self.file_error(file, Code::TooLarge, &what);
        };
        self.text = left;
        if bytes.trim_ascii().is_empty() {
            self.blank.extend(file.clone());
        }
        match split::split(file.as_ref(), bytes) {
            Ok(chunks) => {
                for chunk in chunks {
                    self.chunk(&Arc::new(chunk));
                }
            }
            Err(place) => {
                let what = "is not UTF-8 text";
                let mut diagnostic = bare(file, Code::Unreadable, what);
                (diagnostic.line, diagnostic.column) = place;
                self.keep(diagnostic);
            }
        }
    }

    /// Looks at the documents together, and hands out what was found.
    pub(super) fn finish(mut self) -> Documents {
        advise::advise(&mut self.units, &mut self.foreign);
        let mut resources = Vec::with_capacity(self.units.len());
        for mut unit in std::mem::take(&mut self.units) {
            let mut findings = std::mem::take(&mut unit.findings);
            if self.loading.warnings_are_errors {
                findings.raise();
            }
            let is_valid = !findings.has_errors();
            let Object {
                kind,
                namespace,
                name,
                ..
            } = &unit.object;
            let name = format!("{kind} {namespace}/{name}");
            self.close(findings, &unit.tree, &unit.chunk, &name);
            let mark = unit.chunk.mark(unit.tree.point(unit.object.at));
            let is_patch = unit.object.kind == Kind::EnvoyFilter;
            resources.push(Resource {
                object: Arc::new(unit.object),
                tree: is_patch.then_some(unit.tree),
                file: unit.chunk.file.clone(),
                line: mark.line,
                is_valid,
            });
        }
        let mut foreign = Vec::with_capacity(self.foreign.len());
        for Foreign {
            named,
            mut findings,
            tree,
            chunk,
            ..
        } in std::mem::take(&mut self.foreign)
        {
            if self.loading.warnings_are_errors {
                findings.raise();
            }
            let name = format!("{} {}/{}", named.kind, named.namespace, named.name);
            self.close(findings, &tree, &chunk, &name);
            foreign.push(named);
        }
        self.diagnostics.sort_by(|a, b| {
            let place = |d: &Diagnostic| (d.file.clone(), d.line, d.column);
            place(a).cmp(&place(b))
        });
        Documents {
            resources,
            diagnostics: self.diagnostics,
            foreign,
            passed_over: self.passed_over,
            blank: self.blank,
        }
    }

    fn chunk(&mut self, chunk: &Arc<Chunk>) {
        if chunk.text.len() > MAX_DOCUMENT {
            let what = format!("the document is larger than {MAX_DOCUMENT} bytes");
            return self.chunk_error(chunk, Code::TooLarge, Mark::default(), &what);
        }
        if self.units.len() + self.passed_over >= MAX_DOCUMENTS {
            if self.units.len() + self.passed_over == MAX_DOCUMENTS {
                self.passed_over += 1;
                let what = format!("there are more than {MAX_DOCUMENTS} documents");
                self.chunk_error(chunk, Code::TooLarge, Mark::default(), &what);
            }
            return;
        }
        match yaml::parse(&chunk.text, &mut self.memory) {
            Ok(trees) => {
                for tree in trees {
                    self.objects(&Arc::new(tree), Tree::ROOT, None, chunk);
                }
            }
            Err(error) => {
                let code = if error.too_large {
                    Code::TooLarge
                } else {
                    Code::Unreadable
                };
                let known = known(&chunk.text, error.mark).filter(|_| !error.too_large);
                match known {
                    Some(known) => {
                        let mend = Some(known.mend);
                        self.text_error(chunk, code, known.mark, known.what, mend);
                    }
                    None => self.chunk_error(chunk, code, error.mark, &error.reason),
                }
            }
        }
    }

    /// Reads the object at `at`, or those of a list, as `kubectl` does: `List`, or the list of one kind.
    fn objects(&mut self, tree: &Arc<Tree>, at: At, of: Option<Items<'_>>, chunk: &Arc<Chunk>) {
        let text = |key| tree.child(at, key).and_then(|child| tree.text(child));
        let kind = text("kind").and_then(|kind| kind.strip_suffix("List"));
        let items = tree.child(at, "items");
        let items = items.filter(|items| matches!(tree.value(*items), Value::List(_)));
        let (Some(kind), Some(items)) = (kind, items) else {
            return self.object(tree, at, of, chunk);
        };
        let api_version = text("apiVersion").filter(|_| !kind.is_empty());
        let of = api_version.map(|api_version| Items { api_version, kind });
        for item in tree.items(items) {
            self.objects(tree, *item, of, chunk);
        }
    }

    fn object(&mut self, tree: &Arc<Tree>, at: At, of: Option<Items<'_>>, chunk: &Arc<Chunk>) {
        let mut findings = Findings::default();
        match object::read(tree, at, of, &self.loading, &mut findings) {
            Content::Istio(object) => self.units.push(Unit {
                object: *object,
                findings,
                tree: Arc::clone(tree),
                chunk: Arc::clone(chunk),
            }),
            Content::Foreign(named) => {
                self.passed_over += 1;
                self.foreign.push(Foreign {
                    named,
                    at,
                    findings,
                    tree: Arc::clone(tree),
                    chunk: Arc::clone(chunk),
                });
            }
            Content::Nothing => {
                self.passed_over += 1;
                if self.loading.warnings_are_errors {
                    findings.raise();
                }
                self.close(findings, tree, chunk, "");
            }
        }
    }

    pub(super) fn file_error(&mut self, file: Option<Arc<Path>>, code: Code, what: &str) {
        self.keep(bare(file, code, what));
    }

    pub(super) fn keep(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        } else if self.diagnostics.len() == MAX_DIAGNOSTICS {
            let what = format!("there are more than {MAX_DIAGNOSTICS} findings");
            self.diagnostics.push(bare(None, Code::MoreFindings, &what));
        }
    }
}

impl Unit {
    /// Returns where the object's name stands.
    pub(crate) fn place(&self) -> Place {
        self.place_of(self.object.at)
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(crate) fn place_of(&self, at: At) -> Place {
        self.chunk.place(self.tree.point(at))
    }
}
