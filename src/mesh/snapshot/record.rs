//! Declaration of a snapshot: its fields once, and their text.

/// Declares a plain struct with public fields and, with the feature `serde`, its serialization by their names.
macro_rules! snapshot {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[non_exhaustive]
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct;

                let names = [$(stringify!($field)),*];
                let mut fields = to.serialize_struct(stringify!($name), names.len())?;
                $(fields.serialize_field(
                    stringify!($field),
                    &$crate::mesh::snapshot::record::Shown(&self.$field),
                )?;)*
                fields.end()
            }
        }

        #[cfg(feature = "serde")]
        impl $crate::mesh::snapshot::record::Show for $name {
            fn show<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(self, to)
            }
        }
    };
}

pub(super) use snapshot;

#[cfg(feature = "serde")]
pub(super) use shown::{Show, Shown};

#[cfg(feature = "serde")]
mod shown {
    use std::collections::BTreeMap;
    use std::time::{Duration, SystemTime};

    use serde::ser::{Serialize, Serializer};

    use crate::foundation::outcome::OpenReason;
    use crate::mesh::snapshot::time::rfc3339;
    use crate::policies::circuit_breaker::CircuitState;

    /// Serialization of a field in a snapshot, which may differ from that of its type elsewhere.
    pub(in crate::mesh::snapshot) trait Show {
        fn show<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error>;
    }

    /// A value, to be serialized as a field of a snapshot.
    pub(in crate::mesh::snapshot) struct Shown<'a, T>(pub(in crate::mesh::snapshot) &'a T);

    impl<T: Show> Serialize for Shown<'_, T> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            self.0.show(to)
        }
    }

    macro_rules! as_itself {
        ($($type:ty),*) => {
            $(impl Show for $type {
                fn show<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                    self.serialize(to)
                }
            })*
        };
    }

    as_itself!(bool, f64, u16, u32, u64, usize, Box<str>, &'static str);

    impl Show for Duration {
        fn show<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_f64(self.as_secs_f64())
        }
    }

    impl Show for SystemTime {
        fn show<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.collect_str(&rfc3339(*self))
        }
    }

    impl<T: Show> Show for Option<T> {
        fn show<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            match self {
                Some(value) => to.serialize_some(&Shown(value)),
                None => to.serialize_none(),
            }
        }
    }

    impl<T: Show> Show for Vec<T> {
        fn show<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.collect_seq(self.iter().map(Shown))
        }
    }

    impl Show for BTreeMap<Box<str>, Box<str>> {
        fn show<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.collect_map(self)
        }
    }

    impl Show for CircuitState {
        fn show<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_str(self.label())
        }
    }

    impl Show for OpenReason {
        fn show<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.collect_str(self)
        }
    }

    #[cfg(feature = "istio")]
    mod istio {
        use serde::ser::{SerializeStruct, Serializer};

        use super::{Show, Shown};
        use crate::foundation::outcome::{EjectionReason, Origin};
        use crate::istio::Diagnostic;

        impl Show for EjectionReason {
            fn show<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.label())
            }
        }

        impl Show for Origin {
            fn show<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let mut fields = to.serialize_struct("Origin", 3)?;
                let file = self.file().map(|file| file.display().to_string());
                fields.serialize_field("file", &file)?;
                fields.serialize_field("line", &self.line())?;
                fields.serialize_field("object", self.object())?;
                fields.end()
            }
        }

        impl Show for Diagnostic {
            fn show<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let mut fields = to.serialize_struct("Diagnostic", 11)?;
                let file = self.file().map(|file| file.display().to_string());
                fields.serialize_field("severity", self.severity().as_str())?;
                fields.serialize_field("code", self.code().as_str())?;
                fields.serialize_field("file", &file)?;
                fields.serialize_field("line", &Shown(&self.line()))?;
                fields.serialize_field("column", &Shown(&self.column()))?;
                fields.serialize_field("object", self.object())?;
                fields.serialize_field("field", self.field())?;
                fields.serialize_field("message", self.message())?;
                fields.serialize_field("effect", self.effect())?;
                fields.serialize_field("in_istio", self.in_istio())?;
                fields.serialize_field("help", self.help())?;
                fields.end()
            }
        }
    }
}
