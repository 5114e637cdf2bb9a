//! Forms of the data: for the page, and as Envoy writes them.

pub(super) mod config_dump;
pub(super) mod envoy_clusters;
pub(super) mod graph;
pub(super) mod recorded;
pub(super) mod state;
