//! Readers of fields: strings, numbers, durations, lists and maps, each with its position.

pub(crate) mod descriptor;
pub(in crate::istio) mod field;
pub(in crate::istio) mod message;
pub(in crate::istio) mod misplaced;
pub(in crate::istio) mod read;
pub(in crate::istio) mod scalar;
