//! The examples of single policies: each asserts what it prints.

#[path = "../../examples/adaptive_concurrency.rs"]
mod adaptive_concurrency;
#[path = "../../examples/authorization.rs"]
mod authorization;
#[path = "../../examples/canary.rs"]
mod canary;
#[path = "../../examples/circuit_breaker.rs"]
mod circuit_breaker;
#[path = "../../examples/concurrency_limit.rs"]
mod concurrency_limit;
#[cfg(feature = "serde")]
#[path = "../../examples/config.rs"]
mod config;
#[path = "../../examples/database.rs"]
mod database;
#[path = "../../examples/fault_injection.rs"]
mod fault_injection;
#[cfg(feature = "jwt")]
#[path = "../../examples/jwt.rs"]
mod jwt;
#[path = "../../examples/load_balance.rs"]
mod load_balance;
#[path = "../../examples/mirror.rs"]
mod mirror;
#[path = "../../examples/rate_limit.rs"]
mod rate_limit;
#[path = "../../examples/retry.rs"]
mod retry;
#[path = "../../examples/streams.rs"]
mod streams;
#[path = "../../examples/telemetry.rs"]
mod telemetry;
#[path = "../../examples/timeout.rs"]
mod timeout;
#[path = "../../examples/traffic_split.rs"]
mod traffic_split;

macro_rules! tests {
    ($($(#[$attribute:meta])* $name:ident)*) => {
        /// Runs the example on a runtime of its own, as `cargo run --example` does.
        mod runs {
            $(
                $(#[$attribute])*
                #[test]
                fn $name() {
                    super::$name::main().unwrap();
                }
            )*
        }
    };
}

tests! {
    adaptive_concurrency
    authorization
    canary
    circuit_breaker
    concurrency_limit
    #[cfg(feature = "serde")]
    config
    database
    fault_injection
    #[cfg(feature = "jwt")]
    jwt
    load_balance
    mirror
    rate_limit
    retry
    streams
    telemetry
    timeout
    traffic_split
}
