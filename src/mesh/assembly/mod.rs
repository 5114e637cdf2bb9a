//! What Istio's documents say, put together from the layers.

mod answering;
mod body;
mod builder;
mod change;
#[cfg(feature = "reqwest")]
mod client;
mod config_snapshot;
mod config_source;
mod consumed;
mod destination;
#[cfg(feature = "reqwest")]
mod dialer;
mod discarded;
mod dns_subscription;
mod edge;
mod endpoint_service;
#[cfg(feature = "reqwest")]
mod endpoint_transport;
mod error;
mod follow;
mod gateway;
mod hop_by_hop;
mod ingress;
mod leftover;
mod limits;
mod local_reply;
mod mesh;
mod mesh_state;
mod mirrors;
mod options;
#[cfg(feature = "reqwest")]
mod place;
#[cfg(feature = "watch")]
mod places;
#[cfg(feature = "reqwest")]
mod proxies;
mod proxy;
mod proxy_config;
mod reach;
mod route_service;
mod router;
mod router_state;
mod server;
mod source;
mod stack_table;
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
mod virtual_host_stack;
mod wait_for_dns;
#[cfg(feature = "watch")]
mod watch;
mod weight_overrides;
mod workload;

/// The pieces of a workload's stack that no other module has, for whoever names its type.
pub mod services {
    pub use super::answering::Answering;
    pub use super::edge::{Edge, EdgeGate};
    pub use super::endpoint_service::EndpointService;
    #[cfg(feature = "reqwest")]
    pub use super::endpoint_transport::{
        EndpointTransport, EndpointTransportBody, EndpointTransportFuture,
    };
    pub use super::limits::{RateLimits, RateLimitsTicket};
    pub use super::local_reply::LocalReply;
    pub use super::mirrors::{MirroredBody, Mirrors};
    pub use super::reach::{ToMirror, ToTransport};
    pub use super::route_service::RouteService;
    pub use super::router::{Router, RouterBody};
    pub use super::server::InboundLimits;
    pub use super::wait_for_dns::{WaitForDns, WaitForDnsFuture};
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
