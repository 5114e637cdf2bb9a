//! Descriptors of messages, as protobuf has them: the declarations of [`message!`](super::message), as values.

pub(crate) mod declaration;

use declaration::Declaration;

use crate::istio::syntax::tree::{NodeId, Tree, Value};

/// Descriptor of a type: a message with its fields, or a scalar without.
#[derive(Debug)]
pub(crate) struct TypeDescriptor {
    /// Name of the message, or the type of a scalar in JSON schemas; empty for any value.
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [FieldDescriptor],
    /// The names of a choice, in order; none for another type.
    #[cfg(test)]
    pub(crate) names: fn() -> Vec<&'static str>,
    /// Number of values in a field of this type.
    pub(crate) cardinality: Cardinality,
}

/// Descriptor of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldDescriptor {
    /// Name in Istio's documents, or its form in snake case.
    pub(crate) name: &'static str,
    /// Name of the field in code.
    #[cfg(test)]
    pub(crate) code: &'static str,
    pub(crate) cardinality: Cardinality,
    /// Type of the value, or of each value of a list or map.
    pub(crate) of: &'static TypeDescriptor,
    pub(crate) declaration: Declaration,
}

/// Number of values in a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cardinality {
    Map,
    Repeated,
    Single,
}

impl TypeDescriptor {
    pub(crate) const fn message(name: &'static str, fields: &'static [FieldDescriptor]) -> Self {
        let cardinality = Cardinality::Single;
        Self {
            name,
            fields,
            #[cfg(test)]
            names: Vec::new,
            cardinality,
        }
    }

    pub(crate) const fn scalar(name: &'static str) -> Self {
        Self::message(name, &[])
    }

    /// Returns the type of several values of this one, for a type that reads a whole list or map.
    pub(crate) const fn several(&self, cardinality: Cardinality) -> Self {
        Self {
            name: self.name,
            fields: self.fields,
            #[cfg(test)]
            names: self.names,
            cardinality,
        }
    }

    pub(crate) fn field(&self, key: &str) -> Option<&'static FieldDescriptor> {
        self.fields.iter().find(|field| field.is(key))
    }
}

impl FieldDescriptor {
    /// Creates the descriptor of a field without constraints.
    pub(in crate::istio) const fn plain(name: &'static str, of: &'static TypeDescriptor) -> Self {
        Self {
            name,
            #[cfg(test)]
            code: name,
            cardinality: of.cardinality,
            of,
            declaration: declaration::ENFORCED,
        }
    }

    /// Says whether `key` is its name, in snake case or in camel case.
    pub(in crate::istio) fn is(&self, key: &str) -> bool {
        key == self.name || self.name.contains('_') && is_camel(self.name, key)
    }

    /// Returns the fields of the message in it; none for a map, whose entries have names of their own.
    pub(in crate::istio) const fn fields(&self) -> &'static [Self] {
        match self.cardinality {
            Cardinality::Map => &[],
            Cardinality::Repeated | Cardinality::Single => self.of.fields,
        }
    }

    /// Returns the field's node in a message, unless it is null.
    pub(in crate::istio) fn find(&self, tree: &Tree, message: NodeId) -> Option<NodeId> {
        let mut children = tree.items(message).iter().copied();
        let at = children.find(|child| tree.key(*child).is_some_and(|key| self.is(key)))?;
        (!matches!(tree.value(at), Value::Null)).then_some(at)
    }

    /// Returns the position of a field for findings: of a list, its first item.
    pub(in crate::istio) fn first(tree: &Tree, at: NodeId) -> NodeId {
        match tree.value(at) {
            Value::List(items) => items.first().copied().unwrap_or(at),
            _ => at,
        }
    }

    /// Returns the values at its node: the node itself, or those of a list or map.
    pub(in crate::istio) fn values<'a>(&self, tree: &'a Tree, at: &'a NodeId) -> &'a [NodeId] {
        match self.cardinality {
            Cardinality::Single => std::slice::from_ref(at),
            Cardinality::Map | Cardinality::Repeated => tree.items(*at),
        }
    }
}

/// Says whether `key` is `name` in camel case. It makes no text, since every key is compared with many names.
fn is_camel(name: &str, key: &str) -> bool {
    let mut key = key.bytes();
    let mut is_first = false;
    for byte in name.bytes() {
        if byte == b'_' {
            is_first = true;
            continue;
        }
        let expected = if is_first {
            byte.to_ascii_uppercase()
        } else {
            byte
        };
        is_first = false;
        if key.next() != Some(expected) {
            return false;
        }
    }
    key.next().is_none()
}

/// Calls `visit` with each message at and below a node, outermost first; what is in a message for which it
/// returns false is left out.
pub(in crate::istio) fn each_message(
    tree: &Tree,
    at: NodeId,
    of: &'static TypeDescriptor,
    visit: &mut dyn FnMut(NodeId, &'static TypeDescriptor) -> bool,
) {
    if !matches!(tree.value(at), Value::Map(_)) || !visit(at, of) {
        return;
    }
    for child in tree.items(at) {
        let field = of.field(tree.key(*child).unwrap_or_default());
        let Some(field) = field.filter(|field| !field.of.fields.is_empty()) else {
            continue;
        };
        for value in field.values(tree, child) {
            each_message(tree, *value, field.of, visit);
        }
    }
}
