use std::fmt::{self, Display, Formatter};

/// Place of a setting in a policy, such as `retry.backoff.cap` or `reset_headers[0].name`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path<'a> {
    /// The value that the format hands over, whose place only its reader knows.
    Root,
    Field(&'a Self, &'a str),
    Index(&'a Self, usize),
}

impl<'a> Path<'a> {
    pub(crate) const fn field(&'a self, name: &'a str) -> Self {
        Self::Field(self, name)
    }

    pub(crate) const fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }

    /// Creates an error about the value at this place.
    pub(crate) fn error<E: serde::de::Error>(&self, reason: impl Display) -> E {
        E::custom(self.text(reason))
    }

    /// Creates an error about a value that cannot be written.
    pub(crate) fn write_error<E: serde::ser::Error>(&self, reason: impl Display) -> E {
        E::custom(self.text(reason))
    }

    fn text(&self, reason: impl Display) -> String {
        match self {
            Self::Root => reason.to_string(),
            _ => format!("{self}: {reason}"),
        }
    }
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
