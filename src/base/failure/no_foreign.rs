//! Without features there are no errors of other crates to know.

use std::any::Any;
use std::error::Error;

use super::chain::Clue;
use crate::base::Outcome;

pub(super) const fn as_error(_error: &dyn Any) -> Option<&(dyn Error + 'static)> {
    None
}

pub(super) const fn clue(_error: &(dyn Error + 'static), _connecting: bool) -> Option<Clue> {
    None
}

pub(super) const fn fact(_error: &(dyn Error + 'static)) -> Option<Outcome> {
    None
}
