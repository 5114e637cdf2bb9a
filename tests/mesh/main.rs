//! Istio's YAML, enforced: what its documents say acts on requests, over services in memory and on a
//! paused clock; `istio` reads and judges it.
#![cfg(all(test, feature = "istio"))]
#![expect(
    clippy::disallowed_methods,
    reason = "tests read the clock that they pause; nothing waits"
)]
#![expect(clippy::panic, reason = "the helpers of tests fail as they do")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as they do")]

#[cfg(feature = "admin")]
mod admin;
mod answers;
mod authorization;
mod canary;
#[cfg(feature = "cli")]
mod cli;
mod cors;
mod cost;
mod envoy_behaviour;
mod examples;
mod explain;
mod internal_headers;
mod istio;
mod live;
#[cfg(feature = "prometheus")]
mod metrics;
mod regex;
mod replies;
mod review;
mod security;
mod services;
mod snapshot;
mod sources;
#[cfg(feature = "jwt")]
mod tokens;
#[cfg(feature = "watch")]
mod watch;

#[cfg(feature = "prometheus")]
#[path = "../support/exposition.rs"]
mod exposition;

#[path = "../support/mesh.rs"]
mod support;
