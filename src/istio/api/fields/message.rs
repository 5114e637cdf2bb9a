/// Declares messages: structs with a reader for YAML in protobuf's JSON form, and a descriptor.
///
/// A field is named in snake case, and also read under its camel-case name; `as "name"` sets
/// another. Behind `=>` stands its [declaration](super::descriptor::declaration), without which it is
/// enforced, and takes any value of its type. Each message records its node, `at`.
macro_rules! message {
    ($($(#[$meta:meta])* $name:ident {
        $($field:ident $(as $json:literal)?: $kind:ty $(=> $declaration:expr)?,)*
    })*) => {$(
        $(#[$meta])*
        #[derive(Debug, PartialEq)]
        #[allow(clippy::struct_field_names, reason = "fields have the names of Istio's API")]
        pub(crate) struct $name {
            pub(crate) at: $crate::istio::syntax::tree::NodeId,
            $(pub(crate) $field: $kind,)*
        }

        const _: () = {
            use $crate::istio::api::fields::descriptor::{FieldDescriptor, TypeDescriptor};
            use $crate::istio::api::fields::message::{declaration, name};
            use $crate::istio::api::fields::read::{Field, Read, Reader};

            impl Read for $name {
                const TYPE: &'static TypeDescriptor =
                    &TypeDescriptor::message(stringify!($name), &[$(FieldDescriptor {
                        name: name!($field $($json)?),
                        #[cfg(test)]
                        code: stringify!($field),
                        cardinality: <$kind as Field>::CARDINALITY,
                        of: <$kind as Field>::TYPE,
                        declaration: declaration!($($declaration)?),
                    },)*]);

                fn read(
                    at: $crate::istio::syntax::tree::NodeId,
                    reader: &mut Reader<'_>,
                ) -> Option<Self> {
                    let fields = reader.message(at, Self::TYPE.fields)?;
                    let mut fields = fields.into_iter();
                    $(let $field = Field::of(fields.next().flatten(), reader);)*
                    reader.leave();
                    Some(Self { at, $($field,)* })
                }
            }
        };
    )*};
}

/// Declares a choice among names, as protobuf's enums are written. `=>` names the variant that a name of a
/// newer version is, where that is no error.
macro_rules! choice {
    ($($(#[$meta:meta])* $name:ident { $($variant:ident $text:literal,)* } $(=> $newer:ident)?)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum $name {
            $($variant,)*
            $(
                /// A name of a newer version of Istio's.
                $newer,
            )?
        }

        impl $crate::istio::api::fields::read::Choice for $name {
            const NAMES: &'static [(&'static str, Self)] = &[$(($text, Self::$variant),)*];
            $(const NEWER: Option<Self> = Some(Self::$newer);)?
        }
    )*};
}

macro_rules! name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $json:literal) => {
        $json
    };
}

macro_rules! declaration {
    () => {
        $crate::istio::api::fields::descriptor::declaration::ENFORCED
    };
    ($declaration:expr) => {
        $declaration
    };
}

pub(crate) use {choice, declaration, message, name};
