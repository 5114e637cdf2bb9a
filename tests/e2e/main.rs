//! Each layer around real clients and servers, over loopback sockets.

#![cfg(all(feature = "axum", feature = "reqwest", feature = "tonic"))]

mod client;
mod retry;
mod support;
