/// Declares messages: structs with a reader for YAML in protobuf's JSON form.
///
/// A field is named in snake case, and also read under its camel-case name; `as "name"` sets
/// another. Each message records its node, `at`.
macro_rules! message {
    ($($(#[$meta:meta])* $name:ident { $($field:ident $(as $json:literal)?: $kind:ty,)* })*) => {$(
        $(#[$meta])*
        #[derive(Debug, PartialEq)]
        #[allow(clippy::struct_field_names, reason = "fields have the names of Istio's API")]
        pub(crate) struct $name {
            pub(crate) at: $crate::istio::syntax::tree::NodeId,
            $(pub(crate) $field: $kind,)*
        }

        impl $crate::istio::api::fields::read::Read for $name {
            const PARTS: &'static [$crate::istio::api::fields::misplaced::Part] = &[$(
                $crate::istio::api::fields::misplaced::Part {
                    name: $crate::istio::api::fields::message::name!($field $($json)?),
                    parts: || <$kind as $crate::istio::api::fields::read::Field>::PARTS,
                },
            )*];

            fn read(
                at: $crate::istio::syntax::tree::NodeId,
                reader: &mut $crate::istio::api::fields::read::Reader<'_>,
            ) -> Option<Self> {
                let fields = reader.message(at, <Self as $crate::istio::api::fields::read::Read>::PARTS)?;
                let mut fields = fields.into_iter();
                $(let $field = $crate::istio::api::fields::read::Field::of(fields.next().flatten(), reader);)*
                reader.leave();
                Some(Self { at, $($field,)* })
            }
        }

        #[cfg(test)]
        impl $crate::istio::api::fields::shape::Shape for $name {
            fn fields() -> Vec<$crate::istio::api::fields::shape::NamedMessage> {
                vec![$($crate::istio::api::fields::shape::NamedMessage::of::<$kind>(
                    stringify!($field),
                    $crate::istio::api::fields::message::name!($field $($json)?),
                )),*]
            }

            fn message() -> Option<&'static str> {
                Some(stringify!($name))
            }
        }
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

pub(crate) use {choice, message, name};
