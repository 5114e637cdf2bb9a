//! Local rate limits from patches of `EnvoyFilter`s, and their scopes.

mod action;
mod actions;
mod header;
mod patch;
mod patch_target;
mod policy;
mod scope;

pub(crate) use actions::read_actions;
pub(super) use patch::{Patch, patches};
pub(super) use scope::{Direction, RouteLimits, Scope};
