//! State of a mesh: its documents, their history, weight overrides, and the watching of files.

pub(crate) mod canary;
pub(crate) mod change;
mod checks;
pub(crate) mod config_snapshot;
pub(crate) mod error;
pub(crate) mod mesh_state;
pub(crate) mod refusals;
#[cfg(feature = "watch")]
pub(crate) mod watch;
#[cfg(feature = "watch")]
pub(crate) mod watched_folders;
pub(crate) mod weight_overrides;
mod weights;
