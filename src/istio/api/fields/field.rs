//! Values of fields: optional, single, repeated and maps.

use super::descriptor::{Cardinality, TypeDescriptor};
use super::read::{Entries, Field, Nullable, Read, Reader, Spanned};
use crate::istio::syntax::tree::{NodeId, Value};

impl<T: Read> Field for Option<T> {
    const CARDINALITY: Cardinality = T::TYPE.cardinality;
    const TYPE: &'static TypeDescriptor = T::TYPE;

    fn of(at: Option<NodeId>, reader: &mut Reader<'_>) -> Self {
        T::read(at?, reader)
    }
}

impl<T: Read> Field for Nullable<T> {
    const CARDINALITY: Cardinality = Cardinality::Repeated;
    const TYPE: &'static TypeDescriptor = T::TYPE;

    fn of(at: Option<NodeId>, reader: &mut Reader<'_>) -> Self {
        let items = at.map_or(&[][..], |at| list(at, reader));
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            match reader.tree.value(*item) {
                Value::Null => found.push(None),
                // A value with an error was reported, and must not be treated as null.
                _ => found.extend(T::read(*item, reader).map(Some)),
            }
        }
        found.shrink_to_fit();
        Self(found)
    }
}

impl<T: Read> Field for Vec<T> {
    const CARDINALITY: Cardinality = Cardinality::Repeated;
    const TYPE: &'static TypeDescriptor = T::TYPE;

    fn of(at: Option<NodeId>, reader: &mut Reader<'_>) -> Self {
        let items = at.map_or(&[][..], |at| list(at, reader));
        // Not collected: that would leave room for three more in most lists.
        let mut found = Self::with_capacity(items.len());
        found.extend(items.iter().filter_map(|item| T::read(*item, reader)));
        found
    }
}

impl<T: Read> Field for Entries<T> {
    const CARDINALITY: Cardinality = Cardinality::Map;
    const TYPE: &'static TypeDescriptor = T::TYPE;

    fn of(at: Option<NodeId>, reader: &mut Reader<'_>) -> Self {
        let Some(at) = at else {
            return Self::new();
        };
        if !matches!(reader.tree.value(at), Value::Map(_)) {
            reader.wrong(at, "an object");
            return Self::new();
        }
        let tree = reader.tree;
        let mut entries = Self::with_capacity(tree.items(at).len());
        for item in tree.items(at) {
            let value = match tree.value(*item) {
                Value::Null => None,
                _ => match T::read(*item, reader) {
                    Some(value) => Some(value),
                    None => continue,
                },
            };
            let key = Spanned {
                at: *item,
                value: tree.key(*item).unwrap_or_default().to_owned(),
            };
            entries.push((key, value));
        }
        entries
    }
}

fn list<'a>(at: NodeId, reader: &mut Reader<'a>) -> &'a [NodeId] {
    let tree = reader.tree;
    if matches!(tree.value(at), Value::List(_)) {
        return tree.items(at);
    }
    reader.wrong(at, "a list");
    &[]
}
