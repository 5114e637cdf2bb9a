//! Metadata of the workload at the other end, exchanged in Istio's headers `x-envoy-peer-metadata` and
//! `x-envoy-peer-metadata-id`, so that both sides of a request have the same names for it.

mod encoding;
mod exchange;
mod peer_table;

pub(crate) use exchange::PeerExchange;
pub(crate) use peer_table::PeerTable;
