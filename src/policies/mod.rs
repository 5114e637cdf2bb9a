//! Policies, one folder per capability (tiers 2 and 3: pure decisions, and the tower services around
//! them). No policy imports another; the mesh composes them.

pub mod adaptive_concurrency;
pub mod authorization;
pub mod canary;
pub mod circuit_breaker;
pub mod concurrency_limit;
pub mod cors;
pub mod fault_injection;
#[cfg(feature = "jwt")]
pub mod jwt;
pub mod load_balance;
pub mod mirror;
pub mod outlier_detection;
pub mod rate_limit;
pub mod retry;
pub mod telemetry;
pub mod timeout;
pub mod traffic_split;
