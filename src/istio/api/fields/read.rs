use std::time::Duration;

use super::descriptor::{Cardinality, FieldDescriptor, TypeDescriptor};
use super::misplaced::Above;
use crate::istio::api::field_validation::FieldValidation;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::{Finding, Findings};
use crate::istio::diagnostics::suggest::suggest;
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::{NodeId, Tree, Value};

/// Reads typed values from a document, and reports values that do not match.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) findings: &'a mut Findings,
    /// True if snake case and camel case are both accepted without a warning: Envoy accepts both,
    /// Kubernetes does not.
    pub(crate) envoy: bool,
    /// The messages around the one that is read, outermost first.
    pub(in crate::istio) above: Vec<Above>,
    /// Treatment of fields and names that only a newer version may know.
    pub(crate) validation: FieldValidation,
}

/// A type that can be read from a YAML value.
pub(crate) trait Read: Sized {
    const TYPE: &'static TypeDescriptor;

    fn read(at: NodeId, reader: &mut Reader<'_>) -> Option<Self>;
}

/// A type that can be read from a field, which may be absent.
pub(crate) trait Field: Sized {
    const CARDINALITY: Cardinality = Cardinality::Single;
    /// Type of the value that stands there, or of each in a list or map.
    const TYPE: &'static TypeDescriptor;

    fn of(at: Option<NodeId>, reader: &mut Reader<'_>) -> Self;
}

/// An enum that is read by name.
pub(crate) trait Choice: Copy + 'static {
    const NAMES: &'static [(&'static str, Self)];
    /// Value of a name that only a newer version has.
    const NEWER: Option<Self> = None;
}

/// A value with its position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spanned<T> {
    pub(crate) at: NodeId,
    pub(crate) value: T,
}

/// Entries of a map in the order of the file.
pub(crate) type Entries<T> = Vec<(Spanned<String>, Option<T>)>;

pub(crate) type Text = Option<Spanned<String>>;
pub(crate) type Texts = Vec<Spanned<String>>;
pub(crate) type Int = Option<Spanned<i32>>;
pub(crate) type UInt = Option<Spanned<u32>>;
pub(crate) type Flag = Option<Spanned<bool>>;
pub(crate) type Number = Option<Spanned<f64>>;
pub(crate) type Time = Option<Spanned<Duration>>;
pub(crate) type Pick<T> = Option<SpannedChoice<T>>;

/// An enum value with its position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SpannedChoice<T> {
    pub(crate) at: NodeId,
    pub(crate) value: T,
}

/// A list whose items may be null, as protobuf's lists of messages.
#[derive(Debug, PartialEq)]
pub(crate) struct Nullable<T>(pub(crate) Vec<Option<T>>);

/// An uninterpreted value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NodeRef(pub(crate) NodeId);

impl Reader<'_> {
    /// Finds the fields of a message among the entries of a map, and reports the entries that are none.
    ///
    /// What is read until [`leave`](Self::leave) stands inside the message.
    pub(crate) fn message(
        &mut self,
        at: NodeId,
        fields: &'static [FieldDescriptor],
    ) -> Option<Vec<Option<NodeId>>> {
        let Value::Map(children) = self.tree.value(at) else {
            let names = fields.iter().take(12).map(|field| camel(field.name));
            let names: Vec<_> = names.collect();
            let help = format!("write an object with fields such as {}", names.join(", "));
            self.wrong_with(at, "an object with fields", help);
            return None;
        };
        let mut found: Vec<Option<NodeId>> = vec![None; fields.len()];
        for child in children {
            let key = self.tree.key(*child).unwrap_or_default();
            let Some(index) = fields.iter().position(|field| field.is(key)) else {
                self.unknown(*child, fields);
                continue;
            };
            if let Some(first) = found[index] {
                self.findings.push(
                    Finding::error(Code::DuplicateField, *child)
                        .at_key()
                        .message(format!("duplicate field `{key}`"))
                        .effect("the document is rejected: it is ambiguous")
                        .in_istio("Kubernetes rejects the duplicate or silently keeps the last")
                        .help("keep one of the two")
                        .also(first),
                );
                continue;
            }
            // Fields of Istio's API are in camel case in Kubernetes.
            if !self.envoy && key.contains('_') {
                self.spelling(*child);
            }
            found[index] = Some(*child);
        }
        for field in &mut found {
            // Null is the same as absent.
            if field.is_some_and(|at| matches!(self.tree.value(at), Value::Null)) {
                *field = None;
            }
        }
        self.above.push(Above { at, fields });
        Some(found)
    }

    /// Ends the message that was begun last.
    pub(crate) fn leave(&mut self) {
        self.above.pop();
    }

    pub(crate) fn wrong(&mut self, at: NodeId, expected: &str) {
        let help = match self.tree.value(at) {
            Value::Bool(_) | Value::Int(_) | Value::Float(_) if expected == "a text" => {
                "put it in quotes".to_owned()
            }
            Value::Text(text) if !self.envoy && is_quoted(text, expected) => {
                format!("write it without quotes: {text}")
            }
            _ => format!("write {expected}"),
        };
        self.wrong_with(at, expected, help);
    }

    fn wrong_with(&mut self, at: NodeId, expected: &str, help: String) {
        let found = describe(self.tree.value(at));
        self.findings.push(
            Finding::error(Code::WrongType, at)
                .message(format!("expected {expected}, found {found}"))
                .effect("the document is not taken")
                .in_istio("Kubernetes and `istioctl validate` refuse it")
                .help(help),
        );
    }

    fn spelling(&mut self, at: NodeId) {
        let key = self.tree.key(at).unwrap_or_default();
        self.findings.push(
            Finding::warning(Code::Spelling, at)
                .at_key()
                .message(format!("`{key}` is in snake case"))
                .effect("the field is accepted")
                .in_istio("`istioctl validate` accepts it, Kubernetes rejects or silently drops it")
                .help(format!("write `{}`", camel(key))),
        );
    }
}

impl Read for NodeRef {
    const TYPE: &'static TypeDescriptor = &TypeDescriptor::scalar("");

    fn read(at: NodeId, _: &mut Reader<'_>) -> Option<Self> {
        Some(Self(at))
    }
}

impl<T: Read> Read for Box<T> {
    const TYPE: &'static TypeDescriptor = T::TYPE;

    fn read(at: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        T::read(at, reader).map(Self::new)
    }
}

impl<T: Read> Read for Spanned<T> {
    const TYPE: &'static TypeDescriptor = T::TYPE;

    fn read(at: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        T::read(at, reader).map(|value| Self { at, value })
    }
}

impl<T: Choice> Read for SpannedChoice<T> {
    const TYPE: &'static TypeDescriptor = &TypeDescriptor {
        #[cfg(test)]
        names: || {
            let mut names: Vec<_> = T::NAMES.iter().map(|(name, _)| *name).collect();
            names.sort_unstable();
            names
        },
        ..TypeDescriptor::scalar("string")
    };

    fn read(at: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.tree.text(at);
        let found = T::NAMES.iter().find(|(name, _)| text == Some(*name));
        if let Some((_, value)) = found {
            return Some(Self { at, value: *value });
        }
        let names: Vec<_> = T::NAMES.iter().map(|(name, _)| *name).collect();
        let near = text.and_then(|text| suggest(text, names.iter().copied()));
        let given = text.map_or_else(|| describe(reader.tree.value(at)), |t| shorten(t).into());
        if let (FieldValidation::Warn, Some(newer), None, Some(_)) =
            (reader.validation, T::NEWER, near, text)
        {
            reader.findings.push(
                Finding::warning(Code::WrongType, at)
                    .message(format!("`{given}` is none of {}", names.join(", ")))
                    .effect("the patch has no effect: a newer version of Istio may know it")
                    .in_istio("Kubernetes and `istioctl validate` refuse what they do not know")
                    .help("write one of them"),
            );
            return Some(Self { at, value: newer });
        }
        reader.findings.push(
            Finding::error(Code::WrongType, at)
                .message(format!("`{given}` is not one of {}", names.join(", ")))
                .effect("the document is rejected")
                .in_istio("Kubernetes and `istioctl validate` reject it")
                .help(near.map_or_else(
                    || "write one of them".into(),
                    |n| format!("did you mean `{n}`?"),
                )),
        );
        None
    }
}

/// Says whether a text would be what was expected, if it were no text.
fn is_quoted(text: &str, expected: &str) -> bool {
    if expected == "true or false" {
        return matches!(text, "true" | "false");
    }
    let is_number = expected.starts_with("an integer") || expected == "a number";
    is_number && text.len() <= 20 && text.parse::<f64>().is_ok_and(f64::is_finite)
}

pub(in crate::istio) fn describe(value: &Value) -> String {
    match value {
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Float(value) => format!("the number {value}"),
        Value::Int(value) => format!("the integer {value}"),
        Value::List(_) => "a list".into(),
        Value::Map(_) => "an object".into(),
        Value::Null => "nothing".into(),
        Value::Text(text) => format!("the text `{}`", shorten(text)),
    }
}

/// Turns a field's name into the form that Istio's documents use.
pub(crate) fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut after = false;
    for c in name.chars() {
        if c == '_' {
            after = true;
        } else {
            camel.extend(if after {
                c.to_uppercase().next()
            } else {
                Some(c)
            });
            after = false;
        }
    }
    camel
}
