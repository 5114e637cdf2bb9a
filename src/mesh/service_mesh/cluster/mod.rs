//! Clusters: destinations with their endpoints and connections.

pub(crate) mod connect;
pub(crate) mod destination;
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
pub(crate) mod reach;
pub(crate) mod source;
