use std::collections::BTreeMap;

/// A value in the claims of a token, by JSON's types.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimValue {
    /// `true` or `false`.
    Bool(bool),
    /// Values in their order.
    List(Vec<Self>),
    /// `null`.
    Null,
    /// A number, as Envoy keeps it.
    Number(f64),
    /// Values by name.
    Object(BTreeMap<Box<str>, Self>),
    /// A string.
    Text(Box<str>),
}

impl ClaimValue {
    /// Returns the text of a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a member of an object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.get(name),
            _ => None,
        }
    }

    /// Returns the texts of a string, which is one, or of a list.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let items = match self {
            Self::List(items) => items,
            other => std::slice::from_ref(other),
        };
        items.iter().filter_map(Self::as_text)
    }
}

impl From<&str> for ClaimValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

#[cfg(any(
    feature = "admin",
    feature = "cli",
    feature = "jwt",
    feature = "reqwest"
))]
impl ClaimValue {
    /// Converts a value of JSON.
    pub(crate) fn from_json(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(bool) => Self::Bool(bool),
            // Envoy keeps numbers as doubles, too.
            serde_json::Value::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            serde_json::Value::String(text) => Self::Text(text.into()),
            serde_json::Value::Array(items) => {
                Self::List(items.into_iter().map(Self::from_json).collect())
            }
            serde_json::Value::Object(members) => Self::Object(
                members
                    .into_iter()
                    .map(|(name, value)| (name.into(), Self::from_json(value)))
                    .collect(),
            ),
        }
    }
}
