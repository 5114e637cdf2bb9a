//! Authorization policies of documents, on requests to the server of a workload.

mod caller;
mod enforced;
mod pairs;
mod rbac;
mod vectors;
