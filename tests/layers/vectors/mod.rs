//! Inputs with expected results from the test suites of the systems whose behaviour this crate
//! reproduces. Each case names its source.

mod bench;
mod canary;
mod circuit_breaker;
mod concurrency_limit;
mod failsafe_go;
mod finagle;
#[cfg(feature = "istio")]
mod istio_validation;
mod linkerd_breaker;
mod microprofile;
mod mirror;
mod outlier_detection;
mod rate_limit;
mod rate_limit_cycles;
mod rate_limit_filter;
mod retry;
mod router_outcomes;
mod tally;
mod timeout;
mod traffic_split;
