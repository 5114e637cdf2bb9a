//! What Istio's documents say, put together from the layers.

mod answering;
mod at_endpoint;
mod body;
mod builder;
mod change;
#[cfg(feature = "reqwest")]
mod client;
#[cfg(feature = "reqwest")]
mod connections;
mod consumed;
mod core;
mod current;
mod destination;
#[cfg(feature = "reqwest")]
mod dialer;
mod discarded;
mod edge;
mod error;
mod follow;
mod forward;
mod gateway;
mod hop;
mod ingress;
mod leftover;
mod limits;
mod live;
mod local_reply;
mod mesh;
mod mirrors;
mod names;
mod options;
#[cfg(feature = "reqwest")]
mod place;
#[cfg(feature = "watch")]
mod places;
mod plans;
#[cfg(feature = "reqwest")]
mod proxies;
mod proxy;
mod reach;
mod resolved;
mod router;
mod routes;
mod server;
mod source;
mod stack;
mod table;
#[cfg(test)]
mod tests;
mod transport;
#[cfg(feature = "hyper")]
mod tunnel;
#[cfg(not(feature = "hyper"))]
#[path = "no_tunnel.rs"]
mod tunnel;
mod unnamed;
mod upgrade;
#[cfg(feature = "watch")]
mod watch;
mod weights;
mod workload;

/// The pieces of a workload's stack that no other module has, for whoever names its type.
pub mod pieces {
    pub use super::answering::Answering;
    pub use super::at_endpoint::AtEndpoint;
    #[cfg(feature = "reqwest")]
    pub use super::connections::{Connections, ConnectionsBody, ConnectionsFuture};
    pub use super::edge::{Edge, EdgeGate};
    pub use super::forward::Forward;
    pub use super::limits::{Limits, LimitsTicket};
    pub use super::local_reply::LocalReply;
    pub use super::mirrors::{MirroredBody, Mirrors};
    pub use super::reach::{ToMirror, ToTransport};
    pub use super::resolved::{Resolved, ResolvedFuture};
    pub use super::router::{Router, RouterBody};
    pub use super::server::InboundLimits;
}

pub use body::RequestBody;
pub use builder::MeshBuilder;
pub use change::{Cause, Change};
#[cfg(feature = "reqwest")]
pub use client::MeshClient;
pub use edge::TrustedProxies;
pub use error::Error;
pub use gateway::{Gateway, GatewayService};
pub use ingress::{Ingress, IngressBody, IngressFuture};
pub use mesh::Mesh;
pub use server::{ServerLayer, ServerService};
pub use transport::MeshTransport;
#[cfg(feature = "watch")]
pub use watch::Watch;
pub use workload::{Workload, WorkloadLayer, WorkloadService};
