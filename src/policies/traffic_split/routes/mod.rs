//! Routes of a host: weights, and the choice among them.

#[cfg(feature = "istio")]
pub(in crate::policies::traffic_split) mod compiled_routes;
pub(in crate::policies::traffic_split) mod route;
pub(in crate::policies::traffic_split) mod table;
pub(in crate::policies::traffic_split) mod virtual_host;
pub(in crate::policies::traffic_split) mod weighted;
pub(in crate::policies::traffic_split) mod weights;
