//! Edge of a gateway: sanitation of requests from strangers, as Envoy's HTTP connection manager does it
//! under `use_remote_address: true`, which Istio sets at gateways.
//!
//! It is outside the trace, the limits and the routes, so that each of them sees one spelling of a
//! request, and no metadata that the caller made up.

mod gate;
mod listener;
mod sanitize;
mod service;
mod trusted_proxies;

pub(in crate::mesh) use gate::EdgeGate;
pub(in crate::mesh) use listener::Listener;
pub(in crate::mesh) use service::Edge;
pub(in crate::mesh) use service::EdgeLayer;
pub use trusted_proxies::TrustedProxies;
