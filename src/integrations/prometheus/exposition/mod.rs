//! Metrics as text.

pub(in crate::integrations::prometheus) mod clusters;
pub(in crate::integrations::prometheus) mod collector;
pub(in crate::integrations::prometheus) mod state;
mod writer;
