//! Certificates of a workload, and how they are replaced.

pub(super) mod credentials;
pub(super) mod error;
pub(super) mod expiry;
pub(super) mod files;
pub(super) mod follow;
pub(super) mod handle;
pub(super) mod loaded;
pub(super) mod options;
