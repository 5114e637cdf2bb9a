//! Actions of a route: redirect, rewrite, direct response, header operations.

pub(in crate::policies::traffic_split) mod direct_response;
pub(in crate::policies::traffic_split) mod headers;
pub(in crate::policies::traffic_split) mod path;
pub(in crate::policies::traffic_split) mod redirect;
pub(in crate::policies::traffic_split) mod rewrite;
