use std::borrow::Cow;
use std::fmt::Display;

use crate::foundation::outcome::Origin;

/// One policy or change of a route or a cluster: its values by their names in Istio, and its place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Setting {
    name: &'static str,
    origin: Option<Origin>,
    values: Vec<(Cow<'static, str>, Box<str>)>,
}

impl Setting {
    pub(super) const fn new(name: &'static str, origin: Option<Origin>) -> Self {
        Self {
            name,
            origin,
            values: Vec::new(),
        }
    }

    pub(super) fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Display) -> Self {
        self.values.push((name.into(), value.to_string().into()));
        self
    }

    pub(super) fn with_some(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn with_all(self, values: Vec<(&'static str, String)>) -> Self {
        let values = values.into_iter();
        values.fold(self, |setting, (name, value)| setting.with(name, value))
    }

    /// Returns itself, unless it has no value.
    pub(super) fn unless_empty(self) -> Option<Self> {
        (!self.values.is_empty()).then_some(self)
    }

    /// Returns the name of the policy, such as `retries`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the place in the documents; `None` for a default.
    #[must_use]
    pub const fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Returns the values with their names, such as `attempts` and `2`.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.values.iter();
        values.map(|(name, value)| (&**name, &**value))
    }

    /// Returns the value of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.values();
        values.find_map(|(own, value)| (own == name).then_some(value))
    }
}
