//! The edge of a gateway: sanitation of what strangers send, as Envoy's HTTP connection manager does it
//! under `use_remote_address: true`, which Istio sets at gateways.
//!
//! It stands before the trace, the limits and the routes, so that each of them sees one spelling of a
//! request, and nothing that its caller made up about itself.

mod gate;
mod listener;
mod sanitize;
mod service;
mod trusted_proxies;

pub use gate::EdgeGate;
pub(in crate::mesh) use listener::Listener;
pub use service::Edge;
pub use trusted_proxies::TrustedProxies;
