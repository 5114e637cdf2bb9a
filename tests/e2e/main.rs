//! Each layer around real clients and servers, over loopback sockets.
#![cfg(all(
    test,
    feature = "axum",
    feature = "dns",
    feature = "reqwest",
    feature = "tonic"
))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod axum;
mod bad;
mod certified;
mod client;
mod dns;
mod endpoints;
mod failures;
mod faults;
mod hyper;
#[cfg(feature = "istio")]
mod mesh;
#[cfg(feature = "istio")]
mod mesh_names;
#[cfg(feature = "istio")]
mod mesh_pool;
mod mirror;
mod name_server;
mod named_endpoints;
mod pool;
mod redirects;
mod retry;
mod support;
mod tonic;
