//! DNS names of a cluster, and the wait for their first answer.

pub(crate) mod subscription;
pub(crate) mod wait_for_dns;
