//! Each layer around real clients and servers, over loopback sockets.
#![cfg(all(test, feature = "axum", feature = "reqwest", feature = "tonic"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod axum;
mod client;
mod failures;
mod faults;
mod hyper;
#[cfg(feature = "istio")]
mod mesh;
mod mirror;
mod redirects;
mod retry;
mod support;
mod tonic;
