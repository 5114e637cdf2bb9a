use std::borrow::Cow;
use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};

use super::{Path, Setting, Written};

/// A value of one of several kinds: the name of a kind as a text, or a map from that name to its settings.
pub(crate) trait Variants: Sized {
    /// Completes "… is not …".
    const EXPECTED: &'static str;
    /// Names of the kinds without settings.
    const UNITS: &'static [&'static str];
    /// Names of the kinds with settings.
    const CONTENTS: &'static [&'static str];

    fn unit(name: &str) -> Option<Self>;

    /// Reads the settings of the kind `name`, which is one of [`CONTENTS`](Self::CONTENTS).
    fn read_content<'de, A: MapAccess<'de>>(
        name: &str,
        path: Path<'_>,
        from: &mut A,
    ) -> Result<Self, A::Error>;
}

/// Reads a value of one of several kinds.
pub(crate) fn read<'de, T: Variants, D: Deserializer<'de>>(
    path: Path<'_>,
    from: D,
) -> Result<T, D::Error> {
    from.deserialize_any(VariantVisitor {
        kind: PhantomData,
        path,
    })
}

/// Writes a kind with its settings.
pub(crate) fn content<T: Setting, S: Serializer>(
    name: &'static str,
    setting: &T,
    path: Path<'_>,
    to: S,
) -> Result<S::Ok, S::Error> {
    let mut to = to.serialize_map(Some(1))?;
    let path = path.field(name);
    to.serialize_entry(name, &Written { path, setting })?;
    to.end()
}

struct VariantVisitor<'p, T> {
    kind: PhantomData<T>,
    path: Path<'p>,
}

impl<T: Variants> VariantVisitor<'_, T> {
    fn unknown<E: serde::de::Error>(&self, name: &str) -> E {
        if T::CONTENTS.contains(&name) {
            let reason = format_args!("`{name}` needs its settings: write a map from it to them");
            return self.path.error(reason);
        }
        if T::UNITS.contains(&name) {
            let reason = format_args!("`{name}` has no settings: write the name alone");
            return self.path.error(reason);
        }
        let names = [T::UNITS, T::CONTENTS].concat().join("`, `");
        let reason = format_args!("`{name}` is not {}: there are `{names}`", T::EXPECTED);
        self.path.error(reason)
    }
}

impl<'de, T: Variants> Visitor<'de> for VariantVisitor<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)?;
        match self.path {
            Path::Root => Ok(()),
            path => write!(f, " at {path}"),
        }
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<T, E> {
        T::unit(name).ok_or_else(|| self.unknown(name))
    }

    /// YAML 1.1 reads a plain `off` as `false`.
    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<T, E> {
        self.visit_str(if value { "on" } else { "off" })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<T, A::Error> {
        let Some(name) = from.next_key::<Cow<'_, str>>()? else {
            let names = T::CONTENTS.join("`, `");
            let reason = format_args!("an empty map is not {}: name `{names}`", T::EXPECTED);
            return Err(self.path.error(reason));
        };
        if !T::CONTENTS.contains(&&*name) {
            return Err(self.unknown(&name));
        }
        let value = T::read_content(&name, self.path.field(&name), &mut from)?;
        if let Some(second) = from.next_key::<Cow<'_, str>>()? {
            let reason = format_args!("`{name}` and `{second}` exclude each other");
            return Err(self.path.error(reason));
        }
        Ok(value)
    }
}

/// Implements [`Variants`]: kinds without settings by their value, kinds with settings by a function of them.
macro_rules! one_of {
    ($type:ty, $expected:literal {
        $(name $unit:literal => $value:expr;)*
        $($name:literal($content:ty) => $make:expr;)*
    }) => {
        impl $crate::foundation::config::Variants for $type {
            const EXPECTED: &'static str = $expected;
            const UNITS: &'static [&'static str] = &[$($unit),*];
            const CONTENTS: &'static [&'static str] = &[$($name),*];

            fn unit(name: &str) -> Option<Self> {
                match name {
                    $($unit => Some($value),)*
                    _ => None,
                }
            }

            fn read_content<'de, A: serde::de::MapAccess<'de>>(
                name: &str,
                path: $crate::foundation::config::Path<'_>,
                from: &mut A,
            ) -> Result<Self, A::Error> {
                match name {
                    $($name => {
                        let content = from
                            .next_value_seed($crate::foundation::config::Seed::<$content>::at(path))?;
                        let made: Result<Self, String> = $make(content);
                        made.map_err(|reason| path.error(reason))
                    })*
                    _ => unreachable!("the visitor knows the names"),
                }
            }
        }
    };
}
pub(crate) use one_of;
