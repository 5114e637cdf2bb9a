//! Workloads and gateways of Istio's documents: their state, their routes and their clusters.

#[cfg(feature = "jwt")]
pub(in crate::mesh) mod authentication;
#[cfg(not(feature = "jwt"))]
#[path = "no_authentication.rs"]
pub(in crate::mesh) mod authentication;
mod builder;
#[cfg(feature = "reqwest")]
mod client;
pub(in crate::mesh) mod cluster;
pub mod explain;
pub(in crate::mesh) mod gateway;
#[cfg(feature = "mtls")]
mod listen;
pub(crate) mod mesh;
pub(in crate::mesh) mod options;
pub(in crate::mesh) mod proxy;
#[expect(
    unnameable_types,
    reason = "parts of opaque services, which users reach through `Service` alone"
)]
pub(in crate::mesh) mod router;
mod server;
mod snapshot;
pub(in crate::mesh) mod state;
#[cfg(test)]
mod tests;
#[cfg(feature = "watch")]
mod watching;
mod workload;

// One a line, so that changes to this list do not meet.
pub use builder::MeshBuilder;
#[cfg(feature = "reqwest")]
pub use client::MeshClient;
#[cfg(feature = "reqwest")]
pub use cluster::connect::endpoint_transport::EndpointTransport;
pub use gateway::Gateway;
pub use gateway::GatewayService;
pub use gateway::edge::TrustedProxies;
#[cfg(feature = "mtls")]
pub use listen::ListenError;
pub use mesh::Mesh;
pub use router::upstream::mesh_transport::MeshTransport;
pub use router::upstream::request_body::RequestBody;
pub use server::ServerLayer;
pub use server::ServerService;
pub use state::canary::CanaryError;
pub use state::canary::CanaryHandle;
pub use state::canary::CanaryRelease;
pub use state::canary::CanaryStatus;
pub use state::canary::CanaryWatch;
pub use state::change::Cause;
pub use state::change::Change;
pub use state::error::Error;
#[cfg(feature = "watch")]
pub use state::watch::Watch;
pub use workload::Workload;
pub use workload::WorkloadLayer;
pub use workload::WorkloadService;
