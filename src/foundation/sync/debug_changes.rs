/// Implements `Debug` for a policy by the settings that differ from its default: all of them are more than fits a log
/// line. All fields are listed, so that a new one is not left out.
macro_rules! debug_changes {
    ($policy:ident: $($field:ident),+ $(,)?) => {
        /// Writes the settings that differ from the default.
        impl std::fmt::Debug for $policy {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let Self { $($field),+ } = self;
                let default = Self::default();
                let mut text = f.debug_struct(stringify!($policy));
                $(if *$field != default.$field {
                    text.field(stringify!($field), $field);
                })+
                text.finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use debug_changes;
