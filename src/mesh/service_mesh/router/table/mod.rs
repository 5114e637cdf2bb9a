//! The stacks of one version of the configuration, and the change to another.

pub(crate) mod follow;
pub(crate) mod known_clusters;
pub(crate) mod leftover;
pub(crate) mod stack_table;
pub(crate) mod unnamed;
