use std::collections::HashMap;

use crate::istio::api::fields::read::{NodeRef, Nullable, Spanned, SpannedChoice, camel};
use crate::istio::api::security::{PortTls, Rows};
use crate::istio::syntax::tree::{NodeId, Tree, Value};

/// Reflection of a message or value type.
pub(in crate::istio) trait Shape {
    /// True for an entry of a map.
    const IS_ENTRY: bool = false;

    fn fields() -> Vec<NamedMessage> {
        Vec::new()
    }

    /// Returns the name of a message type.
    fn message() -> Option<&'static str> {
        None
    }
}

/// A field.
#[derive(Clone, Copy, Debug)]
pub(in crate::istio) struct NamedMessage {
    /// Name of the field in code.
    pub(in crate::istio) code: &'static str,
    name: &'static str,
    is_map: bool,
    fields: fn() -> Vec<Self>,
    message: fn() -> Option<&'static str>,
}

/// A field's path, and the path of the first occurrence of its message.
#[derive(Debug)]
pub(in crate::istio) struct FieldPath {
    pub(in crate::istio) code: &'static str,
    pub(in crate::istio) path: String,
    pub(in crate::istio) same_as: Option<String>,
}

impl NamedMessage {
    pub(in crate::istio) fn of<T: Shape>(code: &'static str, name: &'static str) -> Self {
        Self {
            code,
            name,
            is_map: T::IS_ENTRY,
            fields: T::fields,
            message: T::message,
        }
    }
}

/// Returns every field below `fields`, except those below a field for which `is_whole` returns
/// true.
pub(in crate::istio) fn field_paths(
    fields: &[NamedMessage],
    is_whole: &dyn Fn(&str) -> bool,
) -> Vec<FieldPath> {
    let (mut seen, mut places) = (HashMap::new(), Vec::new());
    walk(fields, "", is_whole, &mut seen, &mut places);
    places
}

fn walk(
    fields: &[NamedMessage],
    prefix: &str,
    is_whole: &dyn Fn(&str) -> bool,
    seen: &mut HashMap<&'static str, String>,
    places: &mut Vec<FieldPath>,
) {
    for field in fields {
        let path = format!("{prefix}{}", camel(field.name));
        let message = (field.message)().filter(|_| !is_whole(&path));
        let same_as = message.and_then(|message| seen.get(message).cloned());
        let is_new = message.is_some() && same_as.is_none();
        places.push(FieldPath {
            code: field.code,
            path: path.clone(),
            same_as,
        });
        if let (true, Some(message)) = (is_new, message) {
            seen.insert(message, path.clone());
            let below = format!("{path}.");
            walk(&(field.fields)(), &below, is_whole, seen, places);
        }
    }
}

/// Returns the paths of the fields in a document.
pub(in crate::istio) fn written(
    tree: &Tree,
    at: NodeId,
    fields: &[NamedMessage],
    prefix: &str,
) -> Vec<String> {
    if let Value::List(items) = tree.value(at) {
        let items = items.iter();
        return items
            .flat_map(|item| written(tree, *item, fields, prefix))
            .collect();
    }
    let mut paths = Vec::new();
    for child in tree.items(at) {
        let key = camel(tree.key(*child).unwrap_or_default());
        let Some(field) = fields.iter().find(|field| camel(field.name) == key) else {
            continue;
        };
        let path = format!("{prefix}{key}");
        let values = if field.is_map {
            tree.items(*child)
        } else {
            std::slice::from_ref(child)
        };
        let below = format!("{path}.");
        for value in values {
            paths.extend(written(tree, *value, &(field.fields)(), &below));
        }
        paths.push(path);
    }
    paths
}

impl<T: Shape> Shape for Option<T> {
    const IS_ENTRY: bool = T::IS_ENTRY;

    fn fields() -> Vec<NamedMessage> {
        T::fields()
    }

    fn message() -> Option<&'static str> {
        T::message()
    }
}

impl<T: Shape> Shape for Vec<T> {
    const IS_ENTRY: bool = T::IS_ENTRY;

    fn fields() -> Vec<NamedMessage> {
        T::fields()
    }

    fn message() -> Option<&'static str> {
        T::message()
    }
}

impl<T: Shape> Shape for Nullable<T> {
    fn fields() -> Vec<NamedMessage> {
        T::fields()
    }

    fn message() -> Option<&'static str> {
        T::message()
    }
}

impl<K, T: Shape> Shape for (K, Option<T>) {
    const IS_ENTRY: bool = true;

    fn fields() -> Vec<NamedMessage> {
        T::fields()
    }

    fn message() -> Option<&'static str> {
        T::message()
    }
}

impl<T> Shape for Spanned<T> {}

impl<T> Shape for SpannedChoice<T> {}

impl Shape for PortTls {}

impl Shape for NodeRef {}

impl<T> Shape for Rows<T> {}
