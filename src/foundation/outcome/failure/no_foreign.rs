//! Substitute for `foreign` without features: there are no errors of other crates to classify.

use std::any::Any;
use std::error::Error;

use super::chain::ErrorHint;
use crate::foundation::outcome::Outcome;

pub(super) const fn as_error(_error: &dyn Any) -> Option<&(dyn Error + 'static)> {
    None
}

pub(super) const fn hint(_error: &(dyn Error + 'static), _connecting: bool) -> Option<ErrorHint> {
    None
}

pub(super) const fn is_request_body(_error: &(dyn Error + 'static)) -> bool {
    false
}

#[cfg(feature = "istio")]
pub(super) const fn is_late(_error: &(dyn Error + 'static)) -> bool {
    false
}

pub(super) const fn fact(_error: &(dyn Error + 'static)) -> Option<Outcome> {
    None
}
