//! Objects of one YAML document, lists taken apart.

use std::sync::Arc;

use super::object;
use crate::istio::diagnostics::finding::Findings;
use crate::istio::model::kind::Kind;
use crate::istio::model::line_table::LineTable;
use crate::istio::model::load::document_content::{Content, ReadObject};
use crate::istio::model::load::load_options::LoadOptions;
use crate::istio::syntax::tree::{NodeId, Tree, Value};

/// API version and kind of a list's items that name none of their own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Items<'a> {
    pub(super) api_version: &'a str,
    pub(super) kind: &'a str,
}

/// Reads the objects of a document's trees. Returns the trees too, which its objects need no more.
pub(in crate::istio::loader) fn read_objects(
    text: &str,
    trees: Vec<Tree>,
    options: &LoadOptions,
) -> (Box<[ReadObject]>, Vec<Arc<Tree>>) {
    let trees: Vec<_> = trees.into_iter().map(Arc::new).collect();
    let mut found = Vec::new();
    for (index, tree) in trees.iter().enumerate() {
        let mut of_tree = TreeObjects {
            index,
            lines: LineTable::new(tree),
            options,
            text,
            tree,
            found: &mut found,
        };
        of_tree.objects(Tree::ROOT, None);
    }
    (found.into(), trees)
}

/// Objects of one tree.
struct TreeObjects<'a> {
    index: usize,
    lines: LineTable,
    options: &'a LoadOptions,
    text: &'a str,
    tree: &'a Arc<Tree>,
    found: &'a mut Vec<ReadObject>,
}

impl TreeObjects<'_> {
    /// Reads the object at `at`, or those of a list, as `kubectl` does: `List`, or the list of one kind.
    fn objects(&mut self, at: NodeId, of: Option<Items<'_>>) {
        let tree = Arc::clone(self.tree);
        let text = |key| tree.child(at, key).and_then(|child| tree.text(child));
        let kind = text("kind").and_then(|kind| kind.strip_suffix("List"));
        let items = tree.child(at, "items");
        let items = items.filter(|items| matches!(tree.value(*items), Value::List(_)));
        let (Some(kind), Some(items)) = (kind, items) else {
            return self.object(at, of);
        };
        let api_version = text("apiVersion").filter(|_| !kind.is_empty());
        let of = api_version.map(|api_version| Items { api_version, kind });
        for item in tree.items(items) {
            self.objects(*item, of);
        }
    }

    fn object(&mut self, at: NodeId, of: Option<Items<'_>>) {
        let mut findings = Findings::default();
        let (tree, lines) = (self.tree, &self.lines);
        let content = object::read(tree, at, of, self.options, lines, &mut findings);
        findings.take_places(self.text, tree);
        let is_patch =
            matches!(&content, Content::Istio(object) if object.kind == Kind::EnvoyFilter);
        self.found.push(ReadObject {
            content,
            findings,
            at,
            tree: self.index,
            // Only patches are read again later; for other kinds the tree would waste memory.
            patches: is_patch.then(|| Arc::clone(tree)),
        });
    }
}
