use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::object::{self, Content, Items};
use super::report::bare;
use crate::istio::analysis as advise;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::diagnostic::Diagnostic;
use crate::istio::diagnostics::finding::Findings;
use crate::istio::model::foreign::Foreign;
use crate::istio::model::kind::Kind;
use crate::istio::model::line_table::LineTable;
use crate::istio::model::load::documents::{Documents, Resource};
use crate::istio::model::load::load_options::LoadOptions;
use crate::istio::model::load::parsed_object::ParsedObject;
use crate::istio::model::load::yaml_document::YamlDocument;
use crate::istio::syntax::tree::{NodeId, Span, Tree, Value};
use crate::istio::syntax::unreadable::known;
use crate::istio::syntax::yaml;

/// Maximum number of bytes per load.
pub(in crate::istio) const MAX_TEXT: usize = 64 << 20;
/// Maximum number of bytes per document, as of a Kubernetes request.
const MAX_DOCUMENT: usize = 3 << 20;
/// Maximum number of documents per load.
const MAX_DOCUMENTS: usize = 100_000;
/// Maximum memory of the values of all documents, with aliases expanded.
const MAX_MEMORY: usize = 512 << 20;
/// Maximum number of findings per load; the others are counted.
const MAX_DIAGNOSTICS: usize = 10_000;

/// State of a load.
#[derive(Debug)]
pub(in crate::istio) struct Loader {
    options: LoadOptions,
    objects: Vec<ParsedObject>,
    foreign: Vec<Foreign>,
    diagnostics: Vec<Diagnostic>,
    skipped: usize,
    pub(super) blank: Vec<Arc<Path>>,
    /// Files that were read, if several inputs may lead to one file.
    pub(super) files: Option<HashSet<PathBuf>>,
    /// Remaining bytes of the budgets for text and memory.
    pub(super) text: usize,
    memory: usize,
}

impl Loader {
    pub(in crate::istio) fn new(options: LoadOptions) -> Self {
        Self {
            options,
            objects: Vec::new(),
            foreign: Vec::new(),
            diagnostics: Vec::new(),
            skipped: 0,
            blank: Vec::new(),
            files: None,
            text: MAX_TEXT,
            memory: MAX_MEMORY,
        }
    }

    /// Analyzes the documents together and returns them with all findings.
    pub(in crate::istio) fn finish(mut self) -> Documents {
        advise::analyze(&mut self.objects, &mut self.foreign);
        let mut resources = Vec::with_capacity(self.objects.len());
        // The objects of a list share a tree, and follow one another.
        let mut last: Option<(Arc<Tree>, LineTable)> = None;
        for mut parsed in std::mem::take(&mut self.objects) {
            let mut findings = std::mem::take(&mut parsed.findings);
            if self.options.warnings_are_errors {
                findings.raise();
            }
            let is_valid = !findings.has_errors();
            let name = parsed.object.id();
            self.close(findings, &parsed.tree, &parsed.document, &name);
            let span = parsed.document.span(parsed.tree.focus(parsed.object.at));
            let is_patch = parsed.object.kind == Kind::EnvoyFilter;
            let lines = match last {
                Some((tree, lines)) if Arc::ptr_eq(&tree, &parsed.tree) => lines,
                _ => LineTable::new(&parsed.tree, &parsed.document),
            };
            parsed.object.lines = lines.clone();
            last = Some((Arc::clone(&parsed.tree), lines));
            resources.push(Resource {
                object: Arc::new(parsed.object),
                // Only patches are read again later; for other kinds the tree would waste memory.
                tree: is_patch.then_some(parsed.tree),
                file: parsed.document.file.clone(),
                line: span.line,
                is_valid,
            });
        }
        let mut foreign = Vec::with_capacity(self.foreign.len());
        for Foreign {
            named,
            mut findings,
            tree,
            chunk: document,
            ..
        } in std::mem::take(&mut self.foreign)
        {
            if self.options.warnings_are_errors {
                findings.raise();
            }
            let name = format!("{} {}/{}", named.kind, named.namespace, named.name);
            self.close(findings, &tree, &document, &name);
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
            skipped: self.skipped,
            blank: self.blank,
        }
    }

    pub(super) fn yaml_document(&mut self, document: &Arc<YamlDocument>) {
        if document.text.len() > MAX_DOCUMENT {
            let message = format!("the document is larger than {MAX_DOCUMENT} bytes");
            return self.document_error(document, Code::TooLarge, Span::default(), &message);
        }
        if self.objects.len() + self.skipped >= MAX_DOCUMENTS {
            if self.objects.len() + self.skipped == MAX_DOCUMENTS {
                self.skipped += 1;
                let message = format!("there are more than {MAX_DOCUMENTS} documents");
                self.document_error(document, Code::TooLarge, Span::default(), &message);
            }
            return;
        }
        match yaml::parse(&document.text, &mut self.memory) {
            Ok(trees) => {
                for tree in trees {
                    self.objects(&Arc::new(tree), Tree::ROOT, None, document);
                }
            }
            Err(error) => {
                let code = if error.too_large {
                    Code::TooLarge
                } else {
                    Code::Unreadable
                };
                let known = known(&document.text, error.span).filter(|_| !error.too_large);
                match known {
                    Some(known) => {
                        let help = Some(known.mend);
                        self.text_error(document, code, known.mark, known.what, help);
                    }
                    None => self.document_error(document, code, error.span, &error.reason),
                }
            }
        }
    }

    /// Reads the object at `at`, or those of a list, as `kubectl` does: `List`, or the list of one kind.
    fn objects(
        &mut self,
        tree: &Arc<Tree>,
        at: NodeId,
        of: Option<Items<'_>>,
        document: &Arc<YamlDocument>,
    ) {
        let text = |key| tree.child(at, key).and_then(|child| tree.text(child));
        let kind = text("kind").and_then(|kind| kind.strip_suffix("List"));
        let items = tree.child(at, "items");
        let items = items.filter(|items| matches!(tree.value(*items), Value::List(_)));
        let (Some(kind), Some(items)) = (kind, items) else {
            return self.object(tree, at, of, document);
        };
        let api_version = text("apiVersion").filter(|_| !kind.is_empty());
        let of = api_version.map(|api_version| Items { api_version, kind });
        for item in tree.items(items) {
            self.objects(tree, *item, of, document);
        }
    }

    fn object(
        &mut self,
        tree: &Arc<Tree>,
        at: NodeId,
        of: Option<Items<'_>>,
        document: &Arc<YamlDocument>,
    ) {
        let mut findings = Findings::default();
        match object::read(tree, at, of, &self.options, &mut findings) {
            Content::Istio(object) => self.objects.push(ParsedObject {
                object: *object,
                findings,
                tree: Arc::clone(tree),
                document: Arc::clone(document),
            }),
            Content::Foreign(named) => {
                self.skipped += 1;
                self.foreign.push(Foreign {
                    named,
                    at,
                    findings,
                    tree: Arc::clone(tree),
                    chunk: Arc::clone(document),
                });
            }
            Content::Nothing => {
                self.skipped += 1;
                if self.options.warnings_are_errors {
                    findings.raise();
                }
                self.close(findings, tree, document, "");
            }
        }
    }

    pub(in crate::istio) fn file_error(
        &mut self,
        file: Option<Arc<Path>>,
        code: Code,
        message: &str,
    ) {
        self.push(bare(file, code, message));
    }

    pub(in crate::istio) fn push(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        // Exactly once: this finding raises the count above the limit.
        } else if self.diagnostics.len() == MAX_DIAGNOSTICS {
            let message = format!("there are more than {MAX_DIAGNOSTICS} findings");
            self.diagnostics
                .push(bare(None, Code::MoreFindings, &message));
        }
    }
}
