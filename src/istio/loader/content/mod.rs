//! Reading of the objects of one document.

mod items;
mod object;

pub(super) use items::read_objects;
