//! Copies of request bodies.

pub(in crate::policies::mirror) mod cancellation;
pub(in crate::policies::mirror) mod copy_body;
pub(in crate::policies::mirror) mod pipe;
pub(in crate::policies::mirror) mod tee_body;
