//! Each layer as its users see it, on a paused clock and without sockets; `vectors` are cases of other projects'
//! test suites.
#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests read the clock that they pause; nothing waits"
)]

mod assembled;
mod authorization;
mod canary;
mod circuit_breaker;
#[cfg(feature = "reqwest")]
mod client_errors;
mod composed;
mod composition;
mod concurrency_limit;
#[cfg(feature = "serde")]
mod config;
mod cors;
mod debug;
mod examples;
mod extremes;
mod fault_injection;
mod gate;
#[cfg(feature = "tonic")]
mod grpc;
#[cfg(feature = "jwt")]
mod jwt;
mod load_balance;
mod mesh;
#[cfg(feature = "prometheus")]
mod metrics;
mod mirror;
mod outlier_detection;
mod per_host;
mod policy;
#[cfg(feature = "hyper")]
mod pool;
mod promises;
mod rate_limit;
#[cfg(feature = "governor")]
mod rate_limit_governor;
mod rate_limit_keys;
mod rate_limit_queue;
mod retry;
mod retry_storm;
mod review_cases;
mod shutdown;
mod sources;
mod telemetry;
mod timeout;
mod tower_http;
mod traffic_split;
mod vectors;

#[cfg(feature = "prometheus")]
#[path = "../support/exposition.rs"]
mod exposition;

#[path = "../support/layers.rs"]
mod support;
