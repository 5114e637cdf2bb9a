//! Series of requests and attempts, by Istio's labels.

mod histogram;
mod hosts;
mod key;
pub(in crate::integrations::prometheus) mod labels;
pub(in crate::integrations::prometheus) mod series;
pub(in crate::integrations::prometheus) mod series_table;

pub(in crate::integrations::prometheus) use histogram::Histogram;
