//! Counters of calls: windows, and per-thread success counters with an atomic summary in front.

pub(in crate::policies::circuit_breaker) mod counts;
pub(in crate::policies::circuit_breaker) mod last_calls;
pub(in crate::policies::circuit_breaker) mod success_counters;
pub(in crate::policies::circuit_breaker) mod summary;
pub(crate) mod window;
