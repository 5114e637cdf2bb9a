//! Each layer around real clients and servers, over loopback sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(all(feature = "axum", feature = "reqwest", feature = "tonic"))]

mod client;
mod failures;
mod faults;
mod redirects;
mod support;
