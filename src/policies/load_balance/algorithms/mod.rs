//! Algorithms that pick an endpoint.

pub(in crate::policies::load_balance) mod alias;
pub(in crate::policies::load_balance) mod ring;
pub(in crate::policies::load_balance) mod round_robin;
pub(in crate::policies::load_balance) mod weighted_round_robin;
