//! X.509-SVIDs: the rules of a leaf, the roots of trust domains, and verifiers for both directions.

pub(super) mod bundles;
pub(super) mod leaf;
pub(super) mod refusal;
#[cfg(feature = "reqwest")]
pub(super) mod subject_names;
pub(super) mod verify_client;
#[cfg(feature = "reqwest")]
pub(super) mod verify_server;
