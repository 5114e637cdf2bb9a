use std::fmt::Write;

use super::read::shorten;

/// Where a value stands in its document.
///
/// Two of them are always equal: settings are the same wherever they stand, so comparing what was
/// read tells whether a setting changed, not whether a line moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At(u32);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl At {
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

/// Lines and columns count from 1; a column counts characters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Mark {
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// How many characters it covers, at least 1.
    pub(crate) len: u32,
}

#[derive(Debug)]
struct Node {
    parent: Option<At>,
    step: Step,
    mark: Mark,
    value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Index(usize),
    Key(Box<str>, Mark),
    Root,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    Float(f64),
    Int(i128),
    List(Vec<At>),
    Map(Vec<At>),
    Null,
    Text(Box<str>),
}

impl Node {
    fn says_what(&self, other: &Self) -> bool {
        let step = match (&self.step, &other.step) {
            (Step::Index(one), Step::Index(two)) => one == two,
            (Step::Key(one, _), Step::Key(two, _)) => one == two,
            (Step::Root, Step::Root) => true,
            _ => false,
        };
        step && self.value == other.value
    }
}

impl Tree {
    pub(crate) const ROOT: At = At(0);

    /// Says whether both hold the same values, wherever their lines are.
    pub(crate) fn says_what(&self, other: &Self) -> bool {
        let pairs = || self.nodes.iter().zip(&other.nodes);
        self.nodes.len() == other.nodes.len() && pairs().all(|(one, two)| one.says_what(two))
    }

    pub(crate) fn new() -> Self {
        Self { nodes: Vec::new() }
    }

    /// Adds a node; the first is the root.
    pub(crate) fn add(&mut self, parent: Option<At>, step: Step, mark: Mark) -> At {
        let at = At(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node {
            parent,
            step,
            mark,
            value: Value::Null,
        });
        at
    }

    pub(crate) fn set(&mut self, at: At, value: Value) {
        self.nodes[at.0 as usize].value = value;
    }

    pub(crate) fn value(&self, at: At) -> &Value {
        &self.nodes[at.0 as usize].value
    }

    pub(crate) fn step(&self, at: At) -> &Step {
        &self.nodes[at.0 as usize].step
    }

    /// Returns the key that the value at `at` stands under.
    pub(crate) fn key(&self, at: At) -> Option<&str> {
        match &self.nodes[at.0 as usize].step {
            Step::Key(key, _) => Some(key),
            Step::Index(_) | Step::Root => None,
        }
    }

    pub(crate) fn parent(&self, at: At) -> Option<At> {
        self.nodes[at.0 as usize].parent
    }

    /// Says whether a value stands somewhere inside another.
    pub(crate) fn is_below(&self, at: At, above: At) -> bool {
        let parents = std::iter::successors(self.parent(at), |at| self.parent(*at));
        // A parent is planted before what stands in it.
        parents
            .take_while(|at| at.0 >= above.0)
            .any(|at| at.0 == above.0)
    }

    /// Returns the child of `above` that is `at`, or that it stands in.
    pub(crate) fn step_below(&self, at: At, above: At) -> At {
        let mut step = at;
        while let Some(parent) = self.parent(step).filter(|parent| parent.0 > above.0) {
            step = parent;
        }
        step
    }

    pub(crate) fn mark(&self, at: At) -> Mark {
        self.nodes[at.0 as usize].mark
    }

    /// Returns where the key stands, or the value if it has none.
    pub(crate) fn key_mark(&self, at: At) -> Mark {
        match self.nodes[at.0 as usize].step {
            Step::Key(_, mark) => mark,
            Step::Index(_) | Step::Root => self.mark(at),
        }
    }

    /// Returns the mark that a finding about the value points to: a list or a map is named by its key.
    pub(crate) fn point(&self, at: At) -> Mark {
        match self.value(at) {
            Value::List(_) | Value::Map(_) | Value::Null => self.key_mark(at),
            _ => self.mark(at),
        }
    }

    /// Returns the child of a map under `key`.
    pub(crate) fn child(&self, at: At, key: &str) -> Option<At> {
        match self.value(at) {
            Value::Map(children) => children
                .iter()
                .copied()
                .find(|child| self.key(*child) == Some(key)),
            _ => None,
        }
    }

    pub(crate) fn items(&self, at: At) -> &[At] {
        match self.value(at) {
            Value::List(items) | Value::Map(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn text(&self, at: At) -> Option<&str> {
        match self.value(at) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the path of a value as one writes it: `spec.http[0].route`.
    pub(crate) fn path(&self, at: At) -> String {
        let mut steps = Vec::new();
        let mut next = Some(at);
        while let Some(at) = next {
            let node = &self.nodes[at.0 as usize];
            steps.push(&node.step);
            next = node.parent;
        }
        let mut path = String::new();
        for step in steps.into_iter().rev() {
            match step {
                Step::Root => {}
                Step::Index(index) => {
                    let _ = write!(path, "[{index}]");
                }
                Step::Key(key, _) if is_plain(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                Step::Key(key, _) => {
                    let _ = write!(path, "[{:?}]", shorten(key));
                }
            }
        }
        path
    }
}

/// Only names go without quotes.
fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 80
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '@'))
}
