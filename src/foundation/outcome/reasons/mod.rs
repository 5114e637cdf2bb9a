//! Reasons of events and rejections.

pub(crate) mod dns_failure;
pub(crate) mod ejection_reason;
pub(crate) mod exceeded;
pub(crate) mod mirror_drop_reason;
pub(crate) mod open_reason;
pub(crate) mod rate_limited;
pub(crate) mod reset_reason;
pub(crate) mod retry_stop_reason;
