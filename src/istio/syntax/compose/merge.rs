//! Values that aliases and merge keys repeat.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{Composer, Content, Frame, too_deep};
use crate::istio::syntax::tree::{NodeId, PathSegment, Span, Value};
use crate::istio::syntax::yaml::{MAX_DEPTH, Unreadable};

/// Position of an entry in its map, and its origin: a merge key or the map itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    index: usize,
    is_merged: bool,
}

impl Composer<'_> {
    /// Merges an object, or several, into the one that is open: they override what stands before them, and of
    /// several the first counts, as in go-yaml 2.
    pub(super) fn merge(&mut self, from: NodeId, span: Span) -> Result<(), Unreadable> {
        let sources = match self.tree.value(from) {
            Value::Map(_) => vec![from],
            Value::List(items) => items.iter().rev().copied().collect(),
            _ => Vec::new(),
        };
        let is_map = |at: &NodeId| matches!(self.tree.value(*at), Value::Map(_));
        if sources.is_empty() && !matches!(self.tree.value(from), Value::List(_))
            || !sources.iter().all(is_map)
        {
            let reason = "`<<` takes an object, or a list of objects";
            return Err(Unreadable::new(span, reason));
        }
        for source in sources {
            let children = self.tree.items(source).to_vec();
            for child in children {
                self.merge_entry(child)?;
            }
        }
        Ok(())
    }

    fn merge_entry(&mut self, child: NodeId) -> Result<(), Unreadable> {
        let Some(parent) = self.open.last().map(|frame| frame.at) else {
            return Ok(());
        };
        let name: Box<str> = self.tree.key(child).unwrap_or_default().into();
        let step = PathSegment::Key(name.clone(), self.tree.key_span(child));
        let depth = self.open.len();
        let copy = self.copy(child, Some(parent), step, self.tree.span(child), depth)?;
        let Some(Frame {
            children,
            content: Content::Map { entries, .. },
            ..
        }) = self.open.last_mut()
        else {
            return Ok(());
        };
        let entries = entries.get_or_insert_with(|| {
            let place = |(index, at): (usize, &NodeId)| {
                let name = self.tree.key(*at).unwrap_or_default().into();
                let is_merged = false;
                (name, Place { index, is_merged })
            };
            children.iter().enumerate().map(place).collect()
        });
        let is_merged = true;
        match entries.entry(name) {
            Entry::Occupied(mut entry) => {
                children[entry.get().index] = copy;
                entry.get_mut().is_merged = is_merged;
            }
            Entry::Vacant(entry) => {
                let index = children.len();
                entry.insert(Place { index, is_merged });
                children.push(copy);
            }
        }
        Ok(())
    }

    /// Copies a value with all that is in it. The depth is limited, and so is what calls itself here.
    pub(super) fn copy(
        &mut self,
        from: NodeId,
        parent: Option<NodeId>,
        step: PathSegment,
        span: Span,
        depth: usize,
    ) -> Result<NodeId, Unreadable> {
        if depth > MAX_DEPTH {
            return Err(too_deep(span));
        }
        let value = self.tree.value(from).clone();
        self.pay(&value, span)?;
        let at = self.tree.add(parent, step, span);
        let mut copy_all = |children: Vec<NodeId>| {
            let copies = children.into_iter().map(|child| {
                let step = self.tree.step(child).clone();
                self.copy(child, Some(at), step, self.tree.span(child), depth + 1)
            });
            copies.collect::<Result<Vec<_>, _>>()
        };
        let value = match value {
            Value::List(children) => Value::List(copy_all(children)?),
            Value::Map(children) => Value::Map(copy_all(children)?),
            scalar => scalar,
        };
        self.tree.set(at, value);
        Ok(at)
    }
}

/// Adds an entry; one that was merged before gives way to it.
pub(super) fn put(
    children: &mut Vec<NodeId>,
    entries: Option<&mut HashMap<Box<str>, Place>>,
    name: Box<str>,
    at: NodeId,
) {
    let place = Place {
        index: children.len(),
        is_merged: false,
    };
    match entries.map(|entries| entries.entry(name)) {
        Some(Entry::Occupied(mut entry)) if entry.get().is_merged => {
            children[entry.get().index] = at;
            entry.get_mut().is_merged = false;
        }
        Some(Entry::Vacant(entry)) => {
            entry.insert(place);
            children.push(at);
        }
        _ => children.push(at),
    }
}
