//! Settings of the standard library's types, and numbers with a meaning.

use serde::ser::Serializer;

use super::{Leaf, Path, Refusal, Scalar, leaf};

leaf!(
    bool,
    f64,
    u8,
    u16,
    u32,
    u64,
    usize,
    i64,
    Box<str>,
    String,
    Bytes,
    Factor
);

impl Leaf for bool {
    const EXPECTED: &'static str = "a truth value: write `true` or `false`";

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        match scalar {
            Scalar::Bool(value) => Ok(value),
            _ => Err(Refusal::Other),
        }
    }

    fn put<S: Serializer>(&self, _: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bool(*self)
    }
}

macro_rules! integers {
    ($($type:ty: $expected:literal, $put:ident;)*) => {
        $(
            impl Leaf for $type {
                const EXPECTED: &'static str = $expected;

                fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
                    match scalar {
                        Scalar::Integer(value) => Self::try_from(value).map_err(|_| {
                            let (least, most) = (Self::MIN, Self::MAX);
                            Refusal::because(format!("must be from {least} to {most}"))
                        }),
                        _ => Err(Refusal::Other),
                    }
                }

                fn put<S: Serializer>(&self, _: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
                    to.$put(*self)
                }
            }
        )*
    };
}

integers! {
    u8: "a whole number", serialize_u8;
    u16: "a whole number", serialize_u16;
    u32: "a whole number", serialize_u32;
    u64: "a whole number", serialize_u64;
    i64: "a whole number", serialize_i64;
}

impl Leaf for usize {
    const EXPECTED: &'static str = u64::EXPECTED;

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        let value = u64::of(scalar)?;
        Self::try_from(value).map_err(|_| Refusal::because("more than this machine can address"))
    }

    fn put<S: Serializer>(&self, _: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(*self).unwrap_or(u64::MAX))
    }
}

impl Leaf for f64 {
    const EXPECTED: &'static str = "a number";

    #[expect(
        clippy::cast_precision_loss,
        reason = "an integer in place of a fraction is small; a large one is rounded, as in JSON"
    )]
    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        match scalar {
            Scalar::Float(value) if value.is_finite() => Ok(value),
            Scalar::Float(_) => Err(Refusal::because("must be finite")),
            Scalar::Integer(value) => Ok(value as Self),
            _ => Err(Refusal::Other),
        }
    }

    fn put<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        if !self.is_finite() {
            // JSON would write `null`, which means the default.
            return Err(path.write_error(format_args!("`{self}` is not finite")));
        }
        to.serialize_f64(*self)
    }
}

impl Leaf for String {
    const EXPECTED: &'static str = "a text: write it in quotes";

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        match scalar {
            Scalar::Text(text) => Ok(text.to_owned()),
            _ => Err(Refusal::Other),
        }
    }

    fn put<S: Serializer>(&self, _: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

impl Leaf for Box<str> {
    const EXPECTED: &'static str = String::EXPECTED;

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        String::of(scalar).map(Into::into)
    }

    fn put<S: Serializer>(&self, _: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

/// A number of bytes: a number, or a text such as `64KiB` or `1MiB`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Bytes(pub(crate) usize);

const UNITS: [(&str, usize); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl Leaf for Bytes {
    const EXPECTED: &'static str =
        "a number of bytes: write a whole number, alone or with `KiB`, `MiB` or `GiB`";

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        let Scalar::Text(text) = scalar else {
            return usize::of(scalar).map(Self);
        };
        let (number, unit) = UNITS
            .into_iter()
            .find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))
            .ok_or(Refusal::Other)?;
        let number = number.trim_end();
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refusal::Other);
        }
        let bytes = number.parse().ok().and_then(|n: usize| n.checked_mul(unit));
        let too_many = || Refusal::because("more than this machine can address");
        bytes.map(Self).ok_or_else(too_many)
    }

    fn put<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        let fits =
            |&(_, unit): &(&str, usize)| unit > 1 && self.0 >= unit && self.0.is_multiple_of(unit);
        match UNITS.iter().find(|unit| fits(unit)) {
            Some((name, unit)) => to.collect_str(&format_args!("{}{name}", self.0 / unit)),
            None => self.0.put(path, to),
        }
    }
}

/// A factor of 1 or more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Factor(pub(crate) f64);

impl Leaf for Factor {
    const EXPECTED: &'static str = "a factor: write a number of 1 or more, such as `1.5`";

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        match f64::of(scalar)? {
            factor if factor < 1.0 => Err(Refusal::because("must be 1 or more")),
            factor if factor > MOST => Err(Refusal::because("must be at most 4294967")),
            factor => Ok(Self(factor)),
        }
    }

    fn put<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        self.0.put(path, to)
    }
}

/// Greatest factor whose thousandths fit 32 bits.
const MOST: f64 = 4_294_967.0;
