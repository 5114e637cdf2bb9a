use std::sync::Arc;

use crate::Observe;
use crate::base::dice::{Dice, mix};
use crate::base::hash::hash;
use crate::telemetry::TracePolicy;

/// What all parts of a mesh are made with.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) observe: Arc<dyn Observe>,
    pub(super) seed: Option<u64>,
    pub(super) trace: TracePolicy,
}

impl Options {
    /// Returns the seed of one part, another one for each `part`.
    pub(super) fn seed(&self, part: &str) -> Option<u64> {
        self.seed.map(|seed| mix(seed ^ hash(part.as_bytes())))
    }

    pub(super) fn dice(&self, part: &str) -> Dice {
        self.seed(part).map_or_else(Dice::default, Dice::seeded)
    }
}
