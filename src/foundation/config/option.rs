use std::fmt::{self, Formatter};
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, Serializer};

use super::{Leaf, Path, Refusal, Scalar, Seed, Setting, Written, leaf};

/// Text in place of a value that is not set. TOML has no other word for it.
const NONE: &str = "none";

/// A value, or `none`.
impl<T: Setting> Setting for Option<T> {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OptionVisitor {
            path,
            setting: PhantomData,
        })
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.write(path, to),
            None => to.serialize_str(NONE),
        }
    }
}

struct OptionVisitor<'p, T> {
    path: Path<'p>,
    setting: PhantomData<T>,
}

impl<'de, T: Setting> Visitor<'de> for OptionVisitor<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.path {
            Path::Root => f.write_str("a value or `none`"),
            path => write!(f, "a value or `none` at {path}"),
        }
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Self::Value, E> {
        T::read(self.path, value.into_deserializer()).map(Some)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Self::Value, E> {
        T::read(self.path, value.into_deserializer()).map(Some)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
        T::read(self.path, value.into_deserializer()).map(Some)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
        T::read(self.path, value.into_deserializer()).map(Some)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Self::Value, E> {
        if value == NONE {
            return Ok(None);
        }
        T::read(self.path, value.into_deserializer()).map(Some)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<Self::Value, A::Error> {
        T::read(self.path, MapAccessDeserializer::new(from)).map(Some)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, from: A) -> Result<Self::Value, A::Error> {
        T::read(self.path, SeqAccessDeserializer::new(from)).map(Some)
    }
}

/// A list.
impl<T: Setting> Setting for Vec<T> {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(ListVisitor {
            path,
            setting: PhantomData,
        })
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        let mut to = to.serialize_seq(Some(self.len()))?;
        for (index, setting) in self.iter().enumerate() {
            to.serialize_element(&Written {
                path: path.index(index),
                setting,
            })?;
        }
        to.end()
    }
}

struct ListVisitor<'p, T> {
    path: Path<'p>,
    setting: PhantomData<T>,
}

impl<'de, T: Setting> Visitor<'de> for ListVisitor<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.path {
            Path::Root => f.write_str("a list"),
            path => write!(f, "a list at {path}"),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<T>, A::Error> {
        // Not of the length that the format promises: it is its writer's word.
        let mut all = Vec::new();
        while let Some(one) = from.next_element_seed(Seed::at(self.path.index(all.len())))? {
            all.push(one);
        }
        Ok(all)
    }
}

/// A text, or an empty one if it is not set: `none` may be a name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unset<T>(pub(crate) Option<T>);

impl<T: Leaf> Setting for Unset<T> {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        leaf::read(path, from)
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        self.put(path, to)
    }
}

impl<T: Leaf> Leaf for Unset<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        match scalar {
            Scalar::Text("") | Scalar::Absent => Ok(Self(None)),
            value => T::of(value).map(|value| Self(Some(value))),
        }
    }

    fn put<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(value) => value.put(path, to),
            None => to.serialize_str(""),
        }
    }
}

/// A duration that limits nothing at its maximum, which is written `none`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limited(pub(crate) Duration);

impl Setting for Limited {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        let limit = Option::<Duration>::read(path, from)?;
        Ok(Self(limit.unwrap_or(Duration::MAX)))
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        let limit = Some(self.0).filter(|limit| *limit != Duration::MAX);
        limit.write(path, to)
    }
}
