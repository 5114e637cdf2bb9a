//! The source files of the crate, parsed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, UseTree};

/// A file of `src` that is no test.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path below `src`.
    path: PathBuf,
    text: String,
    written: Vec<Written>,
    re_exports: Vec<(String, Vec<String>)>,
    root_names: Vec<String>,
}

/// A path as it is written in a file: `super::Outcome`, with the number of modules inside the file around it.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) depth: usize,
    pub(crate) is_re_export: bool,
    pub(crate) segments: Vec<String>,
}

/// Every file below `src` but tests.
pub(crate) fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(read);
    &SOURCES
}

fn read() -> Vec<Source> {
    let mut folders = vec![root()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src is readable") {
            let path = entry.expect("src is readable").path();
            let name = path
                .file_stem()
                .and_then(|n| n.to_str())
                .unwrap_or_default()
                .to_owned();
            let is_test = ["tests", "vectors"].contains(&name.as_str()) || name.ends_with("_tests");
            if is_test {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(Source::read(&path));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

impl Source {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a source file is readable");
        let file = syn::parse_file(&text).expect("a source file is Rust");
        let path = path
            .strip_prefix(root())
            .expect("it lies in src")
            .to_owned();
        let mut paths = Paths {
            depth: 0,
            found: Vec::new(),
        };
        paths.visit_file(&file);
        Self {
            path,
            text,
            written: paths.found,
            re_exports: re_exports(&file),
            root_names: root_names(&file),
        }
    }

    /// The path below `src`.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    pub(crate) fn is_root(&self) -> bool {
        self.path == Path::new("lib.rs")
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The folders around the file.
    pub(crate) fn folders(&self) -> Vec<String> {
        let parts = self.path.parent().into_iter().flat_map(Path::components);
        parts
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect()
    }

    /// The module that the file is.
    pub(crate) fn module(&self) -> Vec<String> {
        let mut module = self.folders();
        let stem = self
            .path
            .file_stem()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        if !["lib", "mod"].contains(&stem) {
            module.push(stem.to_owned());
        }
        module
    }

    /// Lines that are neither blank nor comment, up to the unit tests.
    pub(crate) fn code(&self) -> impl Iterator<Item = &str> {
        let code = self
            .text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        code.lines()
            .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//"))
    }

    /// Names that `pub use` of this file gives, modules not counted.
    pub(crate) fn root_names(&self) -> &[String] {
        &self.root_names
    }

    /// Every path written in the code.
    pub(crate) fn written(&self) -> &[Written] {
        &self.written
    }

    /// Names that this file re-exports, each with the path it stands for.
    pub(crate) fn re_exports(&self) -> &[(String, Vec<String>)] {
        &self.re_exports
    }
}

struct Paths {
    depth: usize,
    found: Vec<Written>,
}

impl Paths {
    fn push(&mut self, segments: Vec<String>, is_re_export: bool) {
        let depth = self.depth;
        self.found.push(Written {
            depth,
            is_re_export,
            segments,
        });
    }
}

impl<'a> Visit<'a> for Paths {
    fn visit_item_mod(&mut self, item: &'a ItemMod) {
        if !is_test(&item.attrs) && item.content.is_some() {
            self.depth += 1;
            visit::visit_item_mod(self, item);
            self.depth -= 1;
        }
    }

    fn visit_item_use(&mut self, item: &'a ItemUse) {
        let is_re_export = !matches!(item.vis, syn::Visibility::Inherited);
        for (path, _) in flatten(&item.tree) {
            self.push(path, is_re_export);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if segments.len() > 1 {
            self.push(segments, false);
        }
        visit::visit_path(self, path);
    }

    fn visit_vis_restricted(&mut self, _: &'a syn::VisRestricted) {}
}

fn root_names(file: &syn::File) -> Vec<String> {
    let is_public = |item: &&ItemUse| matches!(item.vis, syn::Visibility::Public(_));
    let paths = uses(file)
        .filter(is_public)
        .flat_map(|item| flatten(&item.tree));
    let names = paths.filter_map(|(_, name)| name);
    let is_module = |name: &str| name.chars().next().is_some_and(char::is_lowercase);
    let is_function = |name: &str| ["inbound", "outbound"].contains(&name);
    names
        .filter(|name| !is_module(name) || is_function(name))
        .collect()
}

fn re_exports(file: &syn::File) -> Vec<(String, Vec<String>)> {
    let is_private = |item: &&ItemUse| matches!(item.vis, syn::Visibility::Inherited);
    let uses = uses(file).filter(|item| !is_private(item));
    let paths = uses.flat_map(|item| flatten(&item.tree));
    paths
        .filter_map(|(path, name)| Some((name?, path)))
        .collect()
}

fn uses(file: &syn::File) -> impl Iterator<Item = &ItemUse> {
    file.items.iter().filter_map(|item| match item {
        syn::Item::Use(item) => Some(item),
        _ => None,
    })
}

/// Returns true for an item that is compiled for tests alone.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| {
                let tokens = list.tokens.to_string();
                tokens == "test" || tokens.starts_with("all (test") || tokens.contains("doctest")
            })
    })
}

/// The paths of a `use`, each with the name that it gives; a glob gives none.
fn flatten(tree: &UseTree) -> Vec<(Vec<String>, Option<String>)> {
    match tree {
        UseTree::Glob(_) => vec![(Vec::new(), None)],
        UseTree::Group(group) => group.items.iter().flat_map(flatten).collect(),
        UseTree::Name(name) if name.ident == "self" => vec![(Vec::new(), None)],
        UseTree::Name(name) => vec![(vec![name.ident.to_string()], Some(name.ident.to_string()))],
        UseTree::Path(path) => {
            let mut paths = flatten(&path.tree);
            for (segments, _) in &mut paths {
                segments.insert(0, path.ident.to_string());
            }
            paths
        }
        UseTree::Rename(name) => {
            vec![(vec![name.ident.to_string()], Some(name.rename.to_string()))]
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}
