/// Treatment of fields that are not known here, as Kubernetes' `fieldValidation` of the same name.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum FieldValidation {
    /// It is an error: the document is not taken.
    #[default]
    Strict,
    /// It is a warning, and the rest of the document is taken: Istio may be newer than this crate.
    ///
    /// A field that is nearly one that is known, or that is known at another place, is an error all the same; so
    /// is any in `AuthorizationPolicy`, `PeerAuthentication` and `RequestAuthentication`.
    Warn,
}
