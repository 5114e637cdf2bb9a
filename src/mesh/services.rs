//! Types of a workload's stack that no other module exports, for signatures that name the stack's type.

pub use super::server::InboundLimits;
pub use crate::mesh::cluster::endpoint_service::EndpointService;
#[cfg(feature = "reqwest")]
pub use crate::mesh::cluster::endpoint_transport::{
    EndpointTransport, EndpointTransportBody, EndpointTransportFuture,
};
pub use crate::mesh::cluster::reach::{ToMirror, ToTransport};
pub use crate::mesh::cluster::wait_for_dns::{WaitForDns, WaitForDnsFuture};
pub use crate::mesh::gateway::answering::Answering;
pub use crate::mesh::gateway::edge::{Edge, EdgeGate};
pub use crate::mesh::router::limits::{RateLimits, RateLimitsTicket};
pub use crate::mesh::router::local_reply::LocalReply;
pub use crate::mesh::router::mirrors::{MirroredBody, Mirrors};
pub use crate::mesh::router::route_service::RouteService;
pub use crate::mesh::router::service::{Router, RouterBody};
