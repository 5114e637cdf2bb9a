mod merge;

use std::collections::HashMap;

use self::merge::{Place, put};
use super::resolve;
use super::tree::{NodeId, PathSegment, Span, Tree, Value};
use super::yaml::{MAX_DEPTH, Unreadable};

/// Maximum number of values per document, those that aliases repeat included.
const MAX_VALUES: usize = 100_000;
/// Bytes that one value counts against the memory budget of a load, without its text.
const VALUE_COST: usize = 64;

/// The document that is being read, built from the parser's events.
///
/// What aliases and merge keys repeat is copied, so that each value has one place; the parser does not
/// limit how often a long text is repeated, this does.
#[derive(Debug)]
pub(in crate::istio) struct Composer<'a> {
    tree: Tree,
    open: Vec<Frame>,
    /// Node of each anchor; `None` while the node is open.
    anchors: HashMap<usize, Option<NodeId>>,
    root: Option<NodeId>,
    values: usize,
    /// Remaining memory of the load, in bytes.
    budget: &'a mut usize,
}

/// A list or a map that is open.
#[derive(Debug)]
struct Frame {
    at: NodeId,
    anchor: usize,
    children: Vec<NodeId>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    List,
    Map {
        /// The key whose value comes next.
        key: Option<Key>,
        /// Positions of the entries among the children; built at the first merge key.
        entries: Option<HashMap<Box<str>, Place>>,
    },
}

#[derive(Debug)]
struct Key {
    name: Box<str>,
    mark: Span,
    is_merge: bool,
}

impl<'a> Composer<'a> {
    pub(in crate::istio) fn new(budget: &'a mut usize) -> Self {
        Self {
            tree: Tree::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            values: 0,
            budget,
        }
    }

    /// Ends the document; `None` if nothing is in it.
    pub(in crate::istio) fn document(&mut self) -> Option<Tree> {
        self.open.clear();
        self.anchors.clear();
        self.values = 0;
        let tree = std::mem::replace(&mut self.tree, Tree::new());
        let root = self.root.take()?;
        (*tree.value(root) != Value::Null).then_some(tree)
    }

    pub(in crate::istio) fn scalar(
        &mut self,
        value: Value,
        anchor: usize,
        span: Span,
        is_merge: bool,
    ) -> Result<(), Unreadable> {
        self.pay(&value, span)?;
        if self.awaits_key() {
            self.key(&value, span, is_merge)?;
            if anchor > 0 {
                // No part of the document: it is there for aliases only.
                let at = self.tree.add(None, PathSegment::Root, span);
                self.tree.set(at, value);
                self.anchors.insert(anchor, Some(at));
            }
            return Ok(());
        }
        let at = self.add(span);
        self.tree.set(at, value);
        self.settle(at, anchor)
    }

    pub(in crate::istio) fn list(&mut self, anchor: usize, span: Span) -> Result<(), Unreadable> {
        self.collection(anchor, span, Content::List)
    }

    pub(in crate::istio) fn map(&mut self, anchor: usize, span: Span) -> Result<(), Unreadable> {
        let (key, entries) = (None, None);
        self.collection(anchor, span, Content::Map { key, entries })
    }

    pub(in crate::istio) fn close(&mut self) -> Result<(), Unreadable> {
        let Some(frame) = self.open.pop() else {
            return Ok(());
        };
        let value = match frame.content {
            Content::List => Value::List(frame.children),
            Content::Map { .. } => Value::Map(frame.children),
        };
        self.tree.set(frame.at, value);
        self.settle(frame.at, frame.anchor)
    }

    pub(in crate::istio) fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Unreadable> {
        let Some(Some(target)) = self.anchors.get(&anchor).copied() else {
            return Err(Unreadable::new(span, "the anchor's value contains itself"));
        };
        if self.awaits_key() {
            let value = self.tree.value(target).clone();
            return self.key(&value, span, false);
        }
        let (parent, step) = self.next();
        let at = self.copy(target, parent, step, span, self.open.len())?;
        self.settle(at, 0)
    }

    fn collection(
        &mut self,
        anchor: usize,
        span: Span,
        content: Content,
    ) -> Result<(), Unreadable> {
        self.pay(&Value::Null, span)?;
        if self.awaits_key() {
            return Err(Unreadable::new(
                span,
                "a key is a text, not a list or an object",
            ));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(span));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        let at = self.add(span);
        self.open.push(Frame {
            at,
            anchor,
            children: Vec::new(),
            content,
        });
        Ok(())
    }

    fn awaits_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Frame {
                content: Content::Map { key: None, .. },
                ..
            })
        )
    }

    fn key(&mut self, value: &Value, span: Span, is_merge: bool) -> Result<(), Unreadable> {
        let Some(name) = resolve::key(value) else {
            return Err(Unreadable::new(
                span,
                "this cannot be a key: put it between quotes",
            ));
        };
        let name = name.into();
        if let Some(Frame {
            content: Content::Map { key, .. },
            ..
        }) = self.open.last_mut()
        {
            *key = Some(Key {
                name,
                mark: span,
                is_merge,
            });
        }
        Ok(())
    }

    /// Returns what the next value stands in, and how.
    fn next(&self) -> (Option<NodeId>, PathSegment) {
        let Some(frame) = self.open.last() else {
            return (None, PathSegment::Root);
        };
        let step = match &frame.content {
            Content::Map { key: Some(key), .. } => PathSegment::Key(key.name.clone(), key.mark),
            _ => PathSegment::Index(frame.children.len()),
        };
        (Some(frame.at), step)
    }

    fn add(&mut self, span: Span) -> NodeId {
        let (parent, step) = self.next();
        self.tree.add(parent, step, span)
    }

    /// Puts a whole value where it belongs.
    fn settle(&mut self, at: NodeId, anchor: usize) -> Result<(), Unreadable> {
        if anchor > 0 {
            self.anchors.insert(anchor, Some(at));
        }
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(at);
            return Ok(());
        };
        let Content::Map { key, entries } = &mut frame.content else {
            frame.children.push(at);
            return Ok(());
        };
        match key.take() {
            Some(key) if key.is_merge => self.merge(at, key.mark),
            Some(key) => {
                put(&mut frame.children, entries.as_mut(), key.name, at);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn pay(&mut self, value: &Value, span: Span) -> Result<(), Unreadable> {
        let text = match value {
            Value::Text(text) => text.len(),
            _ => 0,
        };
        self.values += 1;
        *self.budget = self.budget.saturating_sub(VALUE_COST + text);
        if self.values > MAX_VALUES {
            let reason = format!("there are more than {MAX_VALUES} values");
            return Err(Unreadable::too_large(span, reason));
        }
        if *self.budget == 0 {
            let reason = "there is more of it than a load may take";
            return Err(Unreadable::too_large(span, reason));
        }
        Ok(())
    }
}

fn too_deep(span: Span) -> Unreadable {
    let reason = format!("lists and objects are nested deeper than {MAX_DEPTH}");
    Unreadable::too_large(span, reason)
}
