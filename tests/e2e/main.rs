//! Each layer around real clients and servers, over loopback sockets.
#![cfg(all(
    test,
    feature = "axum",
    feature = "dns",
    feature = "istio",
    feature = "reqwest",
    feature = "tonic"
))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "admin")]
mod admin;
mod axum;
mod bad;
mod client;
mod dns;
mod endpoints;
mod examples;
mod failures;
mod faults;
#[cfg(feature = "full")]
mod five_services;
mod gateway_example;
mod gateway_table;
mod grpc;
mod hops;
mod hyper;
mod mesh;
mod mesh_connections;
mod mesh_families;
mod mesh_names;
mod mesh_pool;
mod mesh_proxies;
mod mesh_review;
mod mirror;
#[cfg(all(feature = "mtls", feature = "rustls"))]
mod mtls;
mod name_server;
mod named_endpoints;
#[cfg(feature = "rustls")]
mod own_connections;
mod pool;
mod redirects;
mod retry;
#[cfg(feature = "jwt")]
mod tokens;
mod tonic;
mod upgrades;

#[path = "../support/e2e.rs"]
mod support;
