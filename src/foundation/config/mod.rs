//! Policies in a service's own configuration: read from and written to any self-describing format of serde, such
//! as JSON, TOML and YAML.
//!
//! A policy has a record: its settings by name, as one writes them by hand. A setting that is absent keeps the
//! default. An error names the setting by its path, the value, and the remedy; the format adds line and column.

mod brief;
mod leaf;
mod option;
mod path;
mod record;
mod values;
mod variant;

pub(crate) use brief::{Brief, Briefly};
pub(crate) use leaf::{Leaf, Refusal, Scalar, leaf, names, read as read_leaf, texts};
pub(crate) use option::{Limited, Unset};
pub(crate) use path::Path;
pub(crate) use record::{Invalid, Onto, OwnRecord, Record, Recorded, Required, policy, record};
pub(crate) use values::{Bytes, Factor};
pub(crate) use variant::{Variants, content, one_of, read as read_variant};

use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer};
use serde::ser::{Serialize, Serializer};

/// A value of a configuration. `path` is its place, for errors.
pub(crate) trait Setting: Sized {
    /// Reads a value.
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error>;

    /// Reads a value in place of this one.
    fn update<'de, D: Deserializer<'de>>(
        &mut self,
        path: Path<'_>,
        from: D,
    ) -> Result<(), D::Error> {
        *self = Self::read(path, from)?;
        Ok(())
    }

    /// Writes the value as it is read.
    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error>;
}

/// Reads a setting at a path, as a part of what contains it.
pub(crate) struct Seed<'p, T> {
    path: Path<'p>,
    setting: PhantomData<T>,
}

impl<'p, T> Seed<'p, T> {
    pub(crate) const fn at(path: Path<'p>) -> Self {
        Self {
            path,
            setting: PhantomData,
        }
    }
}

impl<'de, T: Setting> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        T::read(self.path, from)
    }
}

/// Reads a setting of a record, which has its default.
pub(crate) struct Update<'p, 'v, T> {
    pub(crate) path: Path<'p>,
    pub(crate) setting: &'v mut T,
}

impl<'de, T: Setting> DeserializeSeed<'de> for Update<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        self.setting.update(self.path, from)
    }
}

/// Writes a setting at a path, as a part of what contains it.
pub(crate) struct Written<'p, T> {
    pub(crate) path: Path<'p>,
    pub(crate) setting: &'p T,
}

impl<T: Setting> Serialize for Written<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.setting.write(self.path, to)
    }
}
