use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use crate::Outcome;

/// What an outcome says about the health of an upstream.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Verdict {
    /// The upstream is in trouble.
    Failure,
    /// Nothing: it is not counted.
    Neutral,
    /// The upstream works.
    Success,
}

/// A user's own verdict on outcomes.
#[derive(Clone)]
pub(super) struct Judge(Option<Arc<dyn Fn(Outcome) -> Option<Verdict> + Send + Sync>>);

impl Judge {
    pub(super) const NONE: Self = Self(None);

    pub(super) fn new(judge: impl Fn(Outcome) -> Option<Verdict> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(judge)))
    }

    pub(super) const fn is_none(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn ask(&self, outcome: Outcome) -> Option<Verdict> {
        self.0.as_ref().and_then(|judge| judge(outcome))
    }
}

impl Debug for Judge {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "own" } else { "none" })
    }
}

/// Equal are clones of each other, or two without a function.
impl PartialEq for Judge {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}

impl Eq for Judge {}
