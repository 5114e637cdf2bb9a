use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::ser::Serializer;

use super::{Leaf, Path, Recorded, Setting, leaf};

/// A record that is one number or text in the common case.
pub(crate) trait Briefly: Recorded {
    type Short: Leaf;

    fn from_short(short: Self::Short) -> Result<Self, String>;

    /// Returns the short form, if it says everything.
    fn to_short(&self) -> Option<Self::Short>;
}

/// Reads either form, and writes the short one where it says everything.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Brief<T>(pub(crate) T);

impl<T: Briefly> Setting for Brief<T> {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        from.deserialize_any(BriefVisitor {
            path,
            setting: PhantomData,
        })
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match self.0.to_short() {
            Some(short) => short.put(path, to),
            None => self.0.write(path, to),
        }
    }
}

struct BriefVisitor<'p, T> {
    path: Path<'p>,
    setting: PhantomData<T>,
}

impl<T: Briefly> BriefVisitor<'_, T> {
    fn short<'de, D: Deserializer<'de>>(&self, from: D) -> Result<Brief<T>, D::Error> {
        let short = leaf::read(self.path, from)?;
        let made = T::from_short(short).map(Brief);
        made.map_err(|reason| self.path.error(reason))
    }
}

impl<'de, T: Briefly> Visitor<'de> for BriefVisitor<'_, T> {
    type Value = Brief<T>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(T::Short::EXPECTED)?;
        match self.path {
            Path::Root => Ok(()),
            path => write!(f, " at {path}"),
        }
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Self::Value, E> {
        self.short(value.into_deserializer())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Self::Value, E> {
        self.short(value.into_deserializer())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
        self.short(value.into_deserializer())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
        self.short(value.into_deserializer())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Self::Value, E> {
        self.short(value.into_deserializer())
    }

    fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<Self::Value, A::Error> {
        T::read(self.path, MapAccessDeserializer::new(from)).map(Brief)
    }
}
