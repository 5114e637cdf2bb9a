//! Endpoints of an upstream cluster, and the tasks that keep them up to date.

#[cfg(feature = "jwt")]
pub(crate) mod address_class;
pub(crate) mod attempt_number;
pub(crate) mod attempted_hosts;
pub(crate) mod endpoint;
pub(crate) mod endpoint_set;

pub use endpoint::Endpoint;
pub use endpoint::EndpointObserver;
pub use endpoint_set::Endpoints;
pub use endpoint_set::EndpointsTask;
