use std::fmt::Write;

use crate::istio::syntax::shorten::shorten;

/// Position of a value: the index of its node in the [`Tree`].
///
/// All positions compare as equal, so that comparing two parsed values detects changed settings,
/// not moved lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeId(u32);

impl PartialEq for NodeId {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl NodeId {
    /// Returns the position as an index.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// Says whether both are the same place of one document; `==` takes all places for equal.
    pub(crate) const fn is(self, other: Self) -> bool {
        self.0 == other.0
    }
}

/// One YAML document: each value knows its place and its parent, so that a finding can name both.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
}

/// A range of a line. Lines and columns count from 1; columns count characters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Span {
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// Number of characters, at least 1.
    pub(crate) len: u32,
}

#[derive(Debug)]
struct Node {
    parent: Option<NodeId>,
    segment: PathSegment,
    span: Span,
    value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum PathSegment {
    Index(usize),
    Key(Box<str>, Span),
    Root,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    Float(f64),
    Int(i128),
    List(Vec<NodeId>),
    Map(Vec<NodeId>),
    Null,
    Text(Box<str>),
}

impl Node {
    fn semantic_eq(&self, other: &Self) -> bool {
        let step = match (&self.segment, &other.segment) {
            (PathSegment::Index(one), PathSegment::Index(two)) => one == two,
            (PathSegment::Key(one, _), PathSegment::Key(two, _)) => one == two,
            (PathSegment::Root, PathSegment::Root) => true,
            _ => false,
        };
        step && self.value == other.value
    }
}

impl Tree {
    pub(crate) const ROOT: NodeId = NodeId(0);

    /// Returns true if both contain the same values, regardless of positions.
    pub(crate) fn semantic_eq(&self, other: &Self) -> bool {
        let pairs = || self.nodes.iter().zip(&other.nodes);
        self.nodes.len() == other.nodes.len() && pairs().all(|(one, two)| one.semantic_eq(two))
    }

    pub(crate) fn new() -> Self {
        Self { nodes: Vec::new() }
    }

    /// Adds a node; the first is the root.
    pub(crate) fn add(&mut self, parent: Option<NodeId>, step: PathSegment, span: Span) -> NodeId {
        let at = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node {
            parent,
            segment: step,
            span,
            value: Value::Null,
        });
        at
    }

    pub(crate) fn set(&mut self, at: NodeId, value: Value) {
        self.nodes[at.0 as usize].value = value;
    }

    pub(crate) fn value(&self, at: NodeId) -> &Value {
        &self.nodes[at.0 as usize].value
    }

    pub(crate) fn step(&self, at: NodeId) -> &PathSegment {
        &self.nodes[at.0 as usize].segment
    }

    /// Returns the key that the value at `at` stands under.
    pub(crate) fn key(&self, at: NodeId) -> Option<&str> {
        match &self.nodes[at.0 as usize].segment {
            PathSegment::Key(key, _) => Some(key),
            PathSegment::Index(_) | PathSegment::Root => None,
        }
    }

    /// Returns all positions, in their order.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        (0..).map(NodeId).take(self.nodes.len())
    }

    pub(crate) fn parent(&self, at: NodeId) -> Option<NodeId> {
        self.nodes[at.0 as usize].parent
    }

    /// Says whether a value stands somewhere inside another.
    pub(crate) fn is_below(&self, at: NodeId, above: NodeId) -> bool {
        let parents = std::iter::successors(self.parent(at), |at| self.parent(*at));
        // A parent is planted before what stands in it.
        parents
            .take_while(|at| at.0 >= above.0)
            .any(|at| at.0 == above.0)
    }

    /// Returns the child of `above` that is `at`, or that it stands in.
    pub(crate) fn step_below(&self, at: NodeId, above: NodeId) -> NodeId {
        let mut step = at;
        while let Some(parent) = self.parent(step).filter(|parent| parent.0 > above.0) {
            step = parent;
        }
        step
    }

    pub(crate) fn span(&self, at: NodeId) -> Span {
        self.nodes[at.0 as usize].span
    }

    /// Returns the range of the key, or of the value without a key.
    pub(crate) fn key_span(&self, at: NodeId) -> Span {
        match self.nodes[at.0 as usize].segment {
            PathSegment::Key(_, span) => span,
            PathSegment::Index(_) | PathSegment::Root => self.span(at),
        }
    }

    /// Returns the range that a finding about a value marks: the key for a list or a map.
    pub(crate) fn focus(&self, at: NodeId) -> Span {
        match self.value(at) {
            // A list or map may span many lines, and null has no text.
            Value::List(_) | Value::Map(_) | Value::Null => self.key_span(at),
            _ => self.span(at),
        }
    }

    /// Returns the child of a map under `key`.
    pub(crate) fn child(&self, at: NodeId, key: &str) -> Option<NodeId> {
        match self.value(at) {
            Value::Map(children) => children
                .iter()
                .copied()
                .find(|child| self.key(*child) == Some(key)),
            _ => None,
        }
    }

    pub(crate) fn items(&self, at: NodeId) -> &[NodeId] {
        match self.value(at) {
            Value::List(items) | Value::Map(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn text(&self, at: NodeId) -> Option<&str> {
        match self.value(at) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the path of a value, such as `spec.http[0].route`.
    pub(crate) fn path(&self, at: NodeId) -> String {
        let mut steps = Vec::new();
        let mut next = Some(at);
        while let Some(at) = next {
            let node = &self.nodes[at.0 as usize];
            steps.push(&node.segment);
            next = node.parent;
        }
        let mut path = String::new();
        for step in steps.into_iter().rev() {
            match step {
                PathSegment::Root => {}
                PathSegment::Index(index) => {
                    let _ = write!(path, "[{index}]");
                }
                PathSegment::Key(key, _) if is_plain(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                // In quotes, since the key may contain dots or brackets.
                PathSegment::Key(key, _) => {
                    let _ = write!(path, "[{:?}]", shorten(key));
                }
            }
        }
        path
    }
}

/// Returns true if a key needs no quotes in a path.
fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 80
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '@'))
}
