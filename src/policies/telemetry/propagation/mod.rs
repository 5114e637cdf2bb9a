//! Trace contexts in headers: the formats, and what a request's headers say.

pub(in crate::policies::telemetry) mod b3;
pub(in crate::policies::telemetry) mod extract;
mod headers;
pub(in crate::policies::telemetry) mod remote_context;
pub(in crate::policies::telemetry) mod w3c;
