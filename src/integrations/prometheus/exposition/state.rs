//! State that is read as it is scraped.

use std::fmt::Debug;
use std::sync::Arc;

use crate::integrations::prometheus::description::Description;

/// Value of a metric at one moment.
#[cfg_attr(
    not(feature = "istio"),
    allow(dead_code, reason = "only a mesh has state")
)]
#[derive(Clone, Debug)]
pub(in crate::integrations::prometheus) struct StateSample {
    pub(in crate::integrations::prometheus) description: &'static Description,
    pub(in crate::integrations::prometheus) labels: Vec<(&'static str, Arc<str>)>,
    pub(in crate::integrations::prometheus) value: f64,
}

/// Source of values that are read as they are scraped.
pub(in crate::integrations::prometheus) trait State:
    Debug + Send + Sync + 'static
{
    /// Returns the values; those of one metric follow each other.
    fn samples(&self) -> Vec<StateSample>;
}
