//! Counters of calls: windows, and per-thread counters of successes.

pub(in crate::policies::circuit_breaker) mod counts;
pub(in crate::policies::circuit_breaker) mod last_calls;
pub(in crate::policies::circuit_breaker) mod success_counters;
pub(crate) mod window;
