use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};
use std::marker::PhantomData;

use serde::de::{Deserializer, Visitor};
use serde::ser::Serializer;

use super::Path;

/// Value of a configuration without parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Absent,
    Bool(bool),
    Float(f64),
    Integer(i128),
    Text(&'a str),
}

/// Reason why a scalar is not a value of its setting.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Of another kind than the setting.
    Other,
    /// Of the right kind, and not valid.
    Because(Cow<'static, str>),
}

impl Refusal {
    pub(crate) fn because(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Because(reason.into())
    }
}

/// Setting that is written as one number, text or truth value.
pub(crate) trait Leaf: Sized {
    /// Completes "`x` is not …", with the remedy.
    const EXPECTED: &'static str;

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal>;

    fn put<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error>;
}

/// Implements [`Setting`](super::Setting) for types that are a [`Leaf`].
macro_rules! leaf {
    ($($type:ty),* $(,)?) => {
        $(
            impl $crate::foundation::config::Setting for $type {
                fn read<'de, D: serde::Deserializer<'de>>(
                    path: $crate::foundation::config::Path<'_>,
                    from: D,
                ) -> Result<Self, D::Error> {
                    $crate::foundation::config::read_leaf(path, from)
                }

                fn write<S: serde::Serializer>(
                    &self,
                    path: $crate::foundation::config::Path<'_>,
                    to: S,
                ) -> Result<S::Ok, S::Error> {
                    $crate::foundation::config::Leaf::put(self, path, to)
                }
            }
        )*
    };
}
pub(crate) use leaf;

/// Implements [`Leaf`] for types with a name for each value.
macro_rules! names {
    ($type:ty, $expected:literal { $($name:literal => $value:pat => $build:expr;)* }) => {
        impl $crate::foundation::config::Leaf for $type {
            const EXPECTED: &'static str =
                concat!($expected, ": there are", $(" `", $name, "`",)*);

            fn of(
                scalar: $crate::foundation::config::Scalar<'_>,
            ) -> Result<Self, $crate::foundation::config::Refusal> {
                match scalar {
                    $($crate::foundation::config::Scalar::Text($name) => Ok($build),)*
                    _ => Err($crate::foundation::config::Refusal::Other),
                }
            }

            fn put<S: serde::Serializer>(
                &self,
                _: $crate::foundation::config::Path<'_>,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                to.serialize_str(match *self {
                    $($value => $name,)*
                })
            }
        }

        $crate::foundation::config::leaf!($type);
    };
}
pub(crate) use names;

/// Implements [`Leaf`] for types that are read and written as a text, by a function for each.
macro_rules! texts {
    ($($type:ty: $expected:literal, $parse:expr, $text:expr;)*) => {
        $(
            impl $crate::foundation::config::Leaf for $type {
                const EXPECTED: &'static str = $expected;

                fn of(
                    scalar: $crate::foundation::config::Scalar<'_>,
                ) -> Result<Self, $crate::foundation::config::Refusal> {
                    let $crate::foundation::config::Scalar::Text(text) = scalar else {
                        return Err($crate::foundation::config::Refusal::Other);
                    };
                    let parse: fn(&str) -> Result<Self, $crate::foundation::config::Refusal> =
                        $parse;
                    parse(text)
                }

                fn put<S: serde::Serializer>(
                    &self,
                    path: $crate::foundation::config::Path<'_>,
                    to: S,
                ) -> Result<S::Ok, S::Error> {
                    let text: fn(&Self) -> Option<&str> = $text;
                    match text(self) {
                        Some(text) => to.serialize_str(text),
                        None => Err(path.write_error("is not a text")),
                    }
                }
            }

            $crate::foundation::config::leaf!($type);
        )*
    };
}
pub(crate) use texts;

/// Reads a leaf.
pub(crate) fn read<'de, T: Leaf, D: Deserializer<'de>>(
    path: Path<'_>,
    from: D,
) -> Result<T, D::Error> {
    from.deserialize_any(LeafVisitor {
        leaf: PhantomData,
        path,
    })
}

struct LeafVisitor<'p, T> {
    leaf: PhantomData<T>,
    path: Path<'p>,
}

impl<T: Leaf> LeafVisitor<'_, T> {
    fn of<E: serde::de::Error>(&self, scalar: Scalar<'_>) -> Result<T, E> {
        T::of(scalar).map_err(|refusal| match refusal {
            Refusal::Other => self
                .path
                .error(format_args!("{scalar} is not {}", T::EXPECTED)),
            Refusal::Because(reason) => self.path.error(format_args!("{scalar}: {reason}")),
        })
    }
}

impl<'de, T: Leaf> Visitor<'de> for LeafVisitor<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.path {
            Path::Root => f.write_str(T::EXPECTED),
            path => write!(f, "{} at {path}", T::EXPECTED),
        }
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<T, E> {
        self.of(Scalar::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<T, E> {
        self.of(Scalar::Integer(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<T, E> {
        self.of(Scalar::Integer(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<T, E> {
        self.of(Scalar::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<T, E> {
        self.of(Scalar::Text(value))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<T, E> {
        self.of(Scalar::Absent)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<T, E> {
        self.of(Scalar::Absent)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        from.deserialize_any(self)
    }
}

/// Written as in a message: numbers as they are, texts in backquotes.
impl Display for Scalar<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("nothing"),
            Self::Bool(value) => write!(f, "`{value}`"),
            Self::Float(value) => write!(f, "`{value:?}`"),
            Self::Integer(value) => write!(f, "`{value}`"),
            Self::Text(text) => match text.char_indices().nth(LONGEST) {
                Some((end, _)) => write!(f, "`{}…`", &text[..end]),
                None => write!(f, "`{text}`"),
            },
        }
    }
}

/// Characters of a value in a message at the most.
const LONGEST: usize = 80;
