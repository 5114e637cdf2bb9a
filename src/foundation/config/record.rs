use std::borrow::Cow;
use std::fmt::{self, Formatter};

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeStruct, Serializer};

use super::{Path, Setting};

/// The settings of a policy by name.
pub(crate) trait Record: Sized {
    const NAMES: &'static [&'static str];

    /// Reads the value of the setting `name`, which is one of [`NAMES`](Self::NAMES).
    fn read_field<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        path: Path<'_>,
        from: &mut A,
    ) -> Result<(), A::Error>;

    fn write_fields<S: SerializeStruct>(&self, path: Path<'_>, to: &mut S) -> Result<(), S::Error>;
}

/// A value that is written as a record.
pub(crate) trait Recorded: Sized {
    const NAME: &'static str;
    type Fields: Record;

    /// Returns the settings that hold where none is written.
    fn initial() -> Result<Self::Fields, Invalid>;

    /// Creates the value; the rules that one setting cannot check by itself are checked here.
    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid>;

    /// Returns the settings. Implementations take the value apart without `..`, so that a new field does not
    /// compile before it is written.
    fn to_fields(&self) -> Result<Self::Fields, Invalid>;
}

/// A record that is the value itself.
pub(crate) trait OwnRecord: Clone + Record {
    const NAME: &'static str;

    /// Returns the settings that hold where none is written.
    fn initial() -> Self;

    /// Checks the rules that one setting cannot check by itself.
    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

impl<T: OwnRecord> Recorded for T {
    const NAME: &'static str = T::NAME;
    type Fields = Self;

    fn initial() -> Result<Self, Invalid> {
        Ok(T::initial())
    }

    fn from_fields(fields: Self) -> Result<Self, Invalid> {
        fields.check()?;
        Ok(fields)
    }

    fn to_fields(&self) -> Result<Self, Invalid> {
        Ok(self.clone())
    }
}

/// A setting that is not valid, or cannot be written.
#[derive(Debug)]
pub(crate) struct Invalid {
    field: &'static str,
    reason: Cow<'static, str>,
}

impl Invalid {
    pub(crate) fn new(field: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field,
            reason: reason.into(),
        }
    }

    /// Returns an error if `is_set`: a function has no written form.
    pub(crate) fn function(field: &'static str, is_set: bool) -> Result<(), Self> {
        if is_set {
            let reason = "a function cannot be written; set it in code, after the policy is read";
            return Err(Self::new(field, reason));
        }
        Ok(())
    }
}

impl<T: Recorded> Setting for T {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        let initial = T::initial().map_err(|invalid| read_error(path, &invalid))?;
        read_onto(initial, path, from)
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        let fields = self.to_fields().map_err(|invalid| {
            let at = path.field(invalid.field);
            at.write_error(&invalid.reason)
        })?;
        let mut to = to.serialize_struct(T::NAME, T::Fields::NAMES.len())?;
        fields.write_fields(path, &mut to)?;
        to.end()
    }
}

/// Reads a record; a setting that is absent keeps the value in `fields`.
fn read_onto<'de, T: Recorded, D: Deserializer<'de>>(
    fields: T::Fields,
    path: Path<'_>,
    from: D,
) -> Result<T, D::Error> {
    let fields = from.deserialize_map(RecordVisitor {
        fields,
        name: T::NAME,
        path,
    })?;
    T::from_fields(fields).map_err(|invalid| read_error(path, &invalid))
}

/// A record within another one that has defaults of its own for it.
#[derive(Clone, Debug)]
pub(crate) struct Onto<T>(pub(crate) T);

impl<T: Recorded> Setting for Onto<T> {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        T::read(path, from).map(Self)
    }

    fn update<'de, D: Deserializer<'de>>(
        &mut self,
        path: Path<'_>,
        from: D,
    ) -> Result<(), D::Error> {
        let fields = self.0.to_fields();
        let fields = fields.map_err(|invalid| read_error(path, &invalid))?;
        self.0 = read_onto(fields, path, from)?;
        Ok(())
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        self.0.write(path, to)
    }
}

fn read_error<E: serde::de::Error>(path: Path<'_>, invalid: &Invalid) -> E {
    path.field(invalid.field).error(&invalid.reason)
}

struct RecordVisitor<'p, R> {
    fields: R,
    name: &'static str,
    path: Path<'p>,
}

impl<'de, R: Record> Visitor<'de> for RecordVisitor<'_, R> {
    type Value = R;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "the settings of a {}", self.name)?;
        match self.path {
            Path::Root => Ok(()),
            path => write!(f, " at {path}"),
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut from: A) -> Result<R, A::Error> {
        let mut seen = Vec::new();
        while let Some(key) = from.next_key::<Cow<'_, str>>()? {
            let Some(name) = R::NAMES.iter().find(|name| **name == key) else {
                return Err(self.path.error(unknown(&key, R::NAMES)));
            };
            if seen.contains(name) {
                return Err(self.path.error(format_args!("`{name}` is there twice")));
            }
            seen.push(*name);
            let path = self.path.field(name);
            self.fields.read_field(name, path, &mut from)?;
        }
        Ok(self.fields)
    }
}

/// Words the error of a name that is not among `known`.
pub(super) fn unknown(name: &str, known: &[&str]) -> String {
    let same = |known: &&&str| letters(known).eq(letters(name));
    match known.iter().find(same) {
        Some(meant) => format!("unknown setting `{name}`; did you mean `{meant}`?"),
        None => format!(
            "unknown setting `{name}`; there are `{}`",
            known.join("`, `")
        ),
    }
}

/// The letters of a name regardless of case and of what joins its words.
fn letters(name: &str) -> impl Iterator<Item = char> {
    let letters = name
        .chars()
        .filter(|letter| !matches!(letter, '_' | '-' | ' '));
    letters.map(|letter| letter.to_ascii_lowercase())
}

/// A setting without a default, or with one that depends on other settings.
#[derive(Clone, Debug)]
pub(crate) struct Required<T>(Option<T>);

impl<T> Required<T> {
    pub(crate) const MISSING: Self = Self(None);

    pub(crate) const fn new(value: T) -> Self {
        Self(Some(value))
    }

    pub(crate) fn or(self, absent: T) -> T {
        self.0.unwrap_or(absent)
    }

    pub(crate) fn get(self, field: &'static str) -> Result<T, Invalid> {
        self.0.ok_or_else(|| Invalid::new(field, "is missing"))
    }
}

impl<T: Setting> Setting for Required<T> {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        T::read(path, from).map(Self::new)
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(value) => value.write(path, to),
            None => Err(path.write_error("is missing")),
        }
    }
}

/// Declares the settings of a record by name and type.
macro_rules! record {
    ($(#[$attribute:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$attribute])*
        #[allow(clippy::struct_field_names, reason = "the names are those of the settings")]
        pub(crate) struct $name {
            $($field: $type,)*
        }

        impl $crate::foundation::config::Record for $name {
            const NAMES: &'static [&'static str] = &[$(stringify!($field)),*];

            fn read_field<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                path: $crate::foundation::config::Path<'_>,
                from: &mut A,
            ) -> Result<(), A::Error> {
                $(
                    if name == stringify!($field) {
                        let setting = &mut self.$field;
                        return from
                            .next_value_seed($crate::foundation::config::Update { path, setting });
                    }
                )*
                Ok(())
            }

            fn write_fields<S: serde::ser::SerializeStruct>(
                &self,
                path: $crate::foundation::config::Path<'_>,
                to: &mut S,
            ) -> Result<(), S::Error> {
                $(
                    let written = $crate::foundation::config::Written {
                        path: path.field(stringify!($field)),
                        setting: &self.$field,
                    };
                    to.serialize_field(stringify!($field), &written)?;
                )*
                Ok(())
            }
        }
    };
}
pub(crate) use record;

/// Implements serde's traits for public types that are a [`Setting`].
macro_rules! policy {
    ($($type:ty),* $(,)?) => {
        $(
            impl<'de> serde::Deserialize<'de> for $type {
                fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                    $crate::foundation::config::Setting::read(
                        $crate::foundation::config::Path::Root,
                        from,
                    )
                }
            }

            impl serde::Serialize for $type {
                fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                    $crate::foundation::config::Setting::write(
                        self,
                        $crate::foundation::config::Path::Root,
                        to,
                    )
                }
            }
        )*
    };
}
pub(crate) use policy;
