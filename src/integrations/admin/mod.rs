//! Page for operators: what a mesh does at present, as routes of axum.
//!
//! ```no_run
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use meshless::Mesh;
//!
//! let mesh = Mesh::from_path("policies")?;
//! // Before clients and servers are made, which then report their requests to it.
//! let admin = mesh.admin();
//! let client = mesh.workload("waste-service", "waste").client();
//!
//! // On a port of its own that only operators reach, as a sidecar's admin port is.
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:9901").await?;
//! axum::serve(listener, admin.into_router()).await?;
//! # drop(client);
//! # Ok(())
//! # }
//! ```
#![doc = include_str!("../../../docs/admin.md")]

mod actions;
mod fleet;
mod handlers;
mod page;
mod recorder;
mod security;
mod stacks;
mod views;

pub use fleet::peer::{InvalidPeer, Peer};
pub use page::Admin;
pub use security::token::{InvalidToken, Token};
