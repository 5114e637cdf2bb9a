//! Checks and rewrites of the parts of a request that its caller may have made up.

pub(in crate::mesh::service_mesh::gateway::edge) mod authority;
pub(in crate::mesh::service_mesh::gateway::edge) mod connection;
pub(in crate::mesh::service_mesh::gateway::edge) mod message_length;
pub(in crate::mesh::service_mesh::gateway::edge) mod presence;
pub(in crate::mesh::service_mesh::gateway::edge) mod remote_address;
pub(in crate::mesh::service_mesh::gateway::edge) mod target;
