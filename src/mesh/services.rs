//! The pieces of a workload's stack that no other module has, for whoever names its type.

pub use crate::mesh::cluster::endpoint_service::EndpointService;
#[cfg(feature = "reqwest")]
pub use crate::mesh::cluster::endpoint_transport::{
    EndpointTransport, EndpointTransportBody, EndpointTransportFuture,
};
pub use crate::mesh::cluster::wait_for_dns::{WaitForDns, WaitForDnsFuture};
pub use crate::mesh::gateway::answering::Answering;
pub use crate::mesh::gateway::edge::{Edge, EdgeGate};
pub use crate::mesh::router::inbound_limits::InboundLimits;
pub use crate::mesh::router::limits::{RateLimits, RateLimitsTicket};
pub use crate::mesh::router::local_reply::LocalReply;
pub use crate::mesh::router::mirrors::{MirroredBody, Mirrors};
pub use crate::mesh::router::route_service::RouteService;
pub use crate::mesh::router::service::{Router, RouterBody};
pub use crate::mesh::router::to_transport::{ToMirror, ToTransport};
