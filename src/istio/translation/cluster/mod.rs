//! Clusters: destinations with their traffic policy and endpoints.

pub(in crate::istio::translation) mod balance;
pub(in crate::istio::translation) mod destination;
pub(in crate::istio::translation) mod endpoints;
mod location;
pub(in crate::istio::translation) mod merged_traffic_policy;
pub(in crate::istio::translation) mod outlier;
pub(in crate::istio::translation) mod pool;
mod tls;
