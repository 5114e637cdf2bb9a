//! Fields that do not exist where they stand: the place where they belong, or the name that was meant.

use std::marker::PhantomData;

use super::descriptor::FieldDescriptor;
use super::read::{Read, Reader, camel};
use crate::istio::api::field_validation::FieldValidation;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::diagnostics::suggest::{is_slip, suggest};
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::{NodeId, Tree};

/// Maximum depth, in messages, of the search for a field.
const MAX_DEPTH: usize = 3;
/// Maximum number of places that a finding names for one field; more would be no help.
const MAX_PLACES: usize = 3;

/// A message that is being read.
#[derive(Clone, Copy, Debug)]
pub(in crate::istio) struct Above {
    pub(in crate::istio) at: NodeId,
    pub(in crate::istio) fields: &'static [FieldDescriptor],
}

impl Above {
    /// Creates the surroundings of an object: its `spec`, into which its fields are to be moved.
    pub(in crate::istio) const fn of<T: Read>(at: NodeId) -> Self {
        let fields = Spec::<T>::FIELDS;
        Self { at, fields }
    }
}

struct Spec<T>(PhantomData<T>);

impl<T: Read> Spec<T> {
    const FIELDS: &'static [FieldDescriptor] = &[FieldDescriptor::plain("spec", T::TYPE)];
}

impl Reader<'_> {
    /// Reports an entry that is none of the `fields` of its message.
    pub(in crate::istio) fn unknown(&mut self, at: NodeId, fields: &'static [FieldDescriptor]) {
        let key = self.tree.key(at).unwrap_or_default();
        let istio = if self.envoy {
            "Istio warns of it and drops it, Envoy never sees it"
        } else {
            "Kubernetes and `istioctl validate` reject unknown fields"
        };
        let help = self.meant(at, key, fields);
        // A field that is known elsewhere is a mistake, whatever a newer version may know.
        let is_known_elsewhere = help.starts_with("did you mean ") || help.starts_with("move ");
        let finding = if self.validation == FieldValidation::Warn && !is_known_elsewhere {
            Finding::warning(Code::UnknownField, at)
                .effect("it is passed over: a newer version of Istio may know it")
        } else {
            Finding::error(Code::UnknownField, at)
                .effect("the document is rejected; none of its settings apply")
        };
        let message = format!("unknown field `{}`", shorten(key));
        self.findings
            .push(finding.at_key().message(message).in_istio(istio).help(help));
    }

    /// Says what to do with a field that does not exist where it stands.
    fn meant(&self, at: NodeId, key: &str, fields: &'static [FieldDescriptor]) -> String {
        let names = || fields.iter().map(|field| field.name);
        let near = suggest(key, names());
        if let Some(help) = self.out(at, key) {
            return help;
        }
        if let Some(near) = near.filter(|near| is_slip(key, near)) {
            return format!("did you mean `{}`?", camel(near));
        }
        let labels = names().find(|name| matches!(*name, "labels" | "match_labels"));
        if let (Some(labels), "app" | "version") = (labels, key) {
            return format!("move `{key}` into `{}`", camel(labels));
        }
        if let Some(places) = inside(key, fields) {
            return format!("move `{key}` into {places}");
        }
        if let Some(near) = near {
            return format!("did you mean `{}`?", camel(near));
        }
        // The message around, and that around it: what is further away is another thing of the same name.
        let mut around = self.above.iter().rev().take(2);
        let beside = around.find_map(|above| inside(key, above.fields));
        if let Some(places) = beside {
            return format!("move `{key}` into {places}");
        }
        if fields.is_empty() {
            return "remove it".into();
        }
        let names: Vec<_> = names().map(camel).collect();
        format!("remove it; the fields here are {}", names.join(", "))
    }

    /// Finds the message around the field's own that has it.
    fn out(&self, at: NodeId, key: &str) -> Option<String> {
        // Names of many things: that one above has one too says nothing.
        if matches!(key, "name" | "namespace" | "labels" | "match") {
            return None;
        }
        let tree = self.tree;
        let has = |above: &&Above| above.fields.iter().any(|field| field.is(key));
        let (steps, above) = (1..)
            .zip(self.above.iter().rev())
            .find(|(_, above)| has(above))?;
        let own = holder(tree, at).filter(|_| steps == 1);
        Some(match own {
            Some(own) => format!("move `{key}` out of `{own}`, next to it"),
            None => format!("move `{key}` up, to stand in `{}`", tree.path(above.at)),
        })
    }
}

/// Returns the name of the field that the message around an entry stands in, or in the list of which it stands.
fn holder(tree: &Tree, at: NodeId) -> Option<&str> {
    let message = tree.parent(at)?;
    tree.key(message)
        .or_else(|| tree.key(tree.parent(message)?))
}

/// Finds the fields of this name inside of the `fields`, the nearest level that has any.
fn inside(key: &str, fields: &'static [FieldDescriptor]) -> Option<String> {
    let mut level: Vec<(String, &[FieldDescriptor])> = vec![(String::new(), fields)];
    for _ in 0..MAX_DEPTH {
        let mut next = Vec::new();
        let mut places = Vec::new();
        for (path, fields) in &level {
            for field in *fields {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{}", camel(field.name));
                let own = field.fields();
                if own.iter().any(|field| field.is(key)) {
                    places.push(format!("`{path}`"));
                }
                next.push((path, own));
            }
        }
        if !places.is_empty() {
            places.sort_unstable();
            return (places.len() <= MAX_PLACES).then(|| places.join(" or "));
        }
        level = next;
    }
    None
}
