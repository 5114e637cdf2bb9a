//! Clusters, Envoy's word for the upstreams of routes, with their endpoints and connections: their [identity](key), the
//! [state](state) that all clients of a proxy share, and the [service](service) of each client.

#[cfg(all(feature = "mtls", feature = "reqwest"))]
mod cluster_tls;
pub(crate) mod connect;
#[expect(
    unnameable_types,
    reason = "parts of opaque services, which users reach through `Service` alone"
)]
pub(crate) mod dns;
#[expect(
    unnameable_types,
    reason = "parts of opaque services, which users reach through `Service` alone"
)]
pub(crate) mod endpoint_service;
pub(crate) mod key;
mod retries;
pub(crate) mod service;
pub(crate) mod source;
pub(crate) mod state;
