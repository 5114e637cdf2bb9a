use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use crate::foundation::outcome::Outcome;

/// The meaning of an outcome for the health of an upstream.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Verdict {
    /// The upstream failed.
    Failure,
    /// The outcome is not counted.
    Neutral,
    /// The upstream is healthy.
    Success,
}

/// A custom verdict on outcomes.
#[derive(Clone)]
pub(super) struct OutcomeClassifier(Option<Arc<dyn Fn(Outcome) -> Option<Verdict> + Send + Sync>>);

impl OutcomeClassifier {
    pub(super) const NONE: Self = Self(None);

    pub(super) fn new(
        classifier: impl Fn(Outcome) -> Option<Verdict> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(classifier)))
    }

    pub(super) const fn is_none(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn classify(&self, outcome: Outcome) -> Option<Verdict> {
        self.0.as_ref().and_then(|classifier| classifier(outcome))
    }
}

impl Debug for OutcomeClassifier {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "own" } else { "none" })
    }
}

/// Compares by identity: classifiers are equal if they share one function, or if neither has one.
impl PartialEq for OutcomeClassifier {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}

impl Eq for OutcomeClassifier {}
