//! A stack of its own for each host that a client calls.

mod host_table;
mod layer;
mod layers;
mod origin;
mod origin_pattern;
mod service;

pub use layer::OutboundPerHost;
pub use origin_pattern::InvalidHost;
pub use service::OutboundPerHostService;
