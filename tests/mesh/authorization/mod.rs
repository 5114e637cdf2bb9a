//! Authorization policies of documents, on requests to the server of a workload.

mod caller;
mod enforced;
#[cfg(feature = "jwt")]
mod external;
mod pairs;
mod rbac;
mod vectors;
