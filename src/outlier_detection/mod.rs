//! Takes endpoints that fail out of the balancer's choice, as Envoy's outlier detection does.

mod host;
mod machine;
mod policy;
mod rates;
#[cfg(test)]
mod vectors;

pub use machine::EjectionReason;
pub use policy::{FailurePercentage, OutlierDetectionPolicy, SuccessRate};
