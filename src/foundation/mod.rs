//! Tier 1: types that every other tier shares; independent of policies and of YAML.

pub mod admission;
pub(crate) mod body;
#[cfg(feature = "serde")]
pub(crate) mod config;
pub(crate) mod deadline;
pub(crate) mod endpoints;
pub(crate) mod events;
pub(crate) mod http;
pub mod identity;
pub(crate) mod matching;
pub(crate) mod outcome;
#[cfg(feature = "istio")]
pub(crate) mod peer;
pub(crate) mod sync;
pub(crate) mod time;
pub(crate) mod tls;
