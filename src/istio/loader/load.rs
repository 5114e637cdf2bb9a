use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::content::read_objects;
use super::known_contents::KnownContents;
use super::report::bare;
use crate::istio::analysis as advise;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::diagnostic::Diagnostic;
use crate::istio::model::foreign::Foreign;
use crate::istio::model::load::document_content::{Content, Contents, DocumentContent};
use crate::istio::model::load::documents::{Documents, Resource};
use crate::istio::model::load::load_options::LoadOptions;
use crate::istio::model::load::parsed_object::ParsedObject;
use crate::istio::model::load::yaml_document::YamlDocument;
use crate::istio::model::placed_object::PlacedObject;
use crate::istio::syntax::tree::Span;
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
    known: Option<KnownContents>,
    contents: Contents,
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
    /// Creates the state; contents of `known` are taken over if it was loaded with the same options.
    pub(in crate::istio) fn new(options: LoadOptions, known: Option<Arc<Documents>>) -> Self {
        let known = known.filter(|known| known.options == options);
        let known = known.map(KnownContents::new);
        let contents = known.as_ref().map(|known| known.contents().following());
        Self {
            known,
            options,
            contents: contents.unwrap_or_default(),
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
        for parsed in std::mem::take(&mut self.objects) {
            let ParsedObject {
                object,
                mut findings,
                document,
                tree,
                patches,
            } = parsed;
            if self.options.warnings_are_errors {
                findings.raise();
            }
            let is_valid = !findings.has_errors();
            if !findings.is_empty() {
                self.close(findings, &document, tree, &object.id);
            }
            resources.push(Resource {
                object: PlacedObject::new(object, document.file.clone(), document.before),
                tree: patches,
                is_valid,
            });
        }
        let mut foreign = Vec::with_capacity(self.foreign.len());
        for Foreign {
            named,
            mut findings,
            document,
            tree,
            ..
        } in std::mem::take(&mut self.foreign)
        {
            if self.options.warnings_are_errors {
                findings.raise();
            }
            let name = format!("{} {}/{}", named.kind, named.namespace, named.name);
            self.close(findings, &document, tree, &name);
            foreign.push(named);
        }
        self.diagnostics.sort_by(|a, b| {
            let by_file = a.file.cmp(&b.file);
            by_file.then_with(|| (a.line, a.column).cmp(&(b.line, b.column)))
        });
        self.contents.shrink();
        Documents {
            contents: self.contents,
            options: self.options,
            resources,
            diagnostics: self.diagnostics,
            foreign,
            skipped: self.skipped,
            blank: self.blank,
        }
    }

    /// Reads a document, unless it is known.
    pub(super) fn yaml_document(&mut self, file: Option<&Arc<Path>>, text: &str, before: u32) {
        let known = self.known.as_mut().and_then(|known| known.find(text));
        let text = known
            .as_ref()
            .map_or_else(|| text.into(), |known| Arc::clone(&known.text));
        let document = Arc::new(YamlDocument::new(file.cloned(), text, before));
        if document.text.len() > MAX_DOCUMENT {
            let message = format!("the document is larger than {MAX_DOCUMENT} bytes");
            return self.document_error(&document, Code::TooLarge, Span::default(), &message);
        }
        if self.objects.len() + self.skipped >= MAX_DOCUMENTS {
            if self.objects.len() + self.skipped == MAX_DOCUMENTS {
                self.skipped += 1;
                let message = format!("there are more than {MAX_DOCUMENTS} documents");
                self.document_error(&document, Code::TooLarge, Span::default(), &message);
            }
            return;
        }
        // Where the budget ends, a document has to be read for the place.
        let known = known.filter(|known| known.memory < self.memory);
        if let Some(known) = &known {
            self.memory -= known.memory;
        }
        if let Some(content) = known.or_else(|| self.read(&document)) {
            self.add(&content, &document);
            self.contents.push(content);
        }
    }

    /// Parses a document and reads its objects; `None` if it is no YAML.
    fn read(&mut self, document: &YamlDocument) -> Option<Arc<DocumentContent>> {
        let memory = self.memory;
        let error = match yaml::parse(&document.text, &mut self.memory) {
            Ok(trees) => {
                let text = Arc::clone(&document.text);
                let (objects, trees) = read_objects(&text, trees, &self.options);
                if objects
                    .iter()
                    .any(|one| matches!(one.content, Content::Foreign(_)))
                {
                    document.keep(trees);
                }
                return Some(Arc::new(DocumentContent {
                    hash: self.contents.hash(&text),
                    text,
                    memory: memory - self.memory,
                    objects,
                }));
            }
            Err(error) => error,
        };
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
        None
    }

    /// Adds the objects of a document to the load.
    fn add(&mut self, content: &DocumentContent, document: &Arc<YamlDocument>) {
        for one in &content.objects {
            let (document, tree) = (Arc::clone(document), one.tree);
            let mut findings = one.findings.clone();
            match &one.content {
                Content::Istio(object) => self.objects.push(ParsedObject {
                    object: Arc::clone(object),
                    findings,
                    document,
                    tree,
                    patches: one.patches.clone(),
                }),
                Content::Foreign(named) => {
                    self.skipped += 1;
                    self.foreign.push(Foreign {
                        named: Arc::clone(named),
                        at: one.at,
                        findings,
                        document,
                        tree,
                    });
                }
                Content::Nothing => {
                    self.skipped += 1;
                    if self.options.warnings_are_errors {
                        findings.raise();
                    }
                    self.close(findings, &document, tree, "");
                }
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
