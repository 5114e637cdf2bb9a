//! Types of a workload's stack that no other module exports, for signatures that name the stack's type.

#[cfg(feature = "reqwest")]
pub use crate::mesh::cluster::connect::endpoint_transport::EndpointTransport;
pub use crate::mesh::cluster::dns::wait_for_dns::{WaitForDns, WaitForDnsFuture};
pub use crate::mesh::cluster::endpoint_service::EndpointService;
pub use crate::mesh::gateway::edge::{Edge, EdgeGate};
pub use crate::mesh::router::route::answering::Answering;
pub use crate::mesh::router::route::inbound_limits::InboundLimits;
pub use crate::mesh::router::route::limits::{RateLimits, RateLimitsTicket};
pub use crate::mesh::router::route::local_reply::LocalReply;
pub use crate::mesh::router::route::mirrors::Mirrors;
pub use crate::mesh::router::route::route_service::RouteService;
pub use crate::mesh::router::service::{Router, RouterBody};
pub use crate::mesh::router::upstream::mirrored_body::MirroredBody;
pub use crate::mesh::router::upstream::to_transport::{ToMirror, ToTransport};
