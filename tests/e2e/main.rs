//! Each layer around real clients and servers, over loopback sockets.
#![cfg(all(test, feature = "axum", feature = "reqwest", feature = "tonic"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod axum;
mod certified;
mod client;
mod endpoints;
mod failures;
mod faults;
mod hyper;
mod mirror;
mod pool;
mod redirects;
mod retry;
mod support;
mod tonic;
