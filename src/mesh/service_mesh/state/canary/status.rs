use std::fmt::{self, Display, Formatter};

use crate::policies::canary::{Decision, Report, Verdict};

/// State of a rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct CanaryStatus {
    pub(super) decision: Decision,
    pub(super) host: Box<str>,
    pub(super) is_superseded: bool,
    pub(super) reports: Vec<Report>,
    pub(super) subset: Box<str>,
}

impl CanaryStatus {
    /// Returns the decision that holds: weight, step and verdict with its reason.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Returns the host, as the release names it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns true if the rollout is over: promoted, aborted with no weight left, or superseded.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_superseded
            || match self.decision.verdict() {
                Verdict::Aborted(_) => self.decision.weight().millionths() == 0,
                Verdict::Promoted => true,
                _ => false,
            }
    }

    /// Returns true if the documents, or [`set_weights`](crate::mesh::Mesh::set_weights), gave the route other weights
    /// in the middle of the rollout. These hold, and the rollout is over.
    #[must_use]
    pub const fn is_superseded(&self) -> bool {
        self.is_superseded
    }

    /// Returns the evidence of each check.
    #[must_use]
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// Returns the subset of the new version.
    #[must_use]
    pub fn subset(&self) -> &str {
        &self.subset
    }
}

/// Writes for instance `canary v2 of waste-service: weight 10 %: next step in 30.0s`.
impl Display for CanaryStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "canary {} of {}: ", self.subset, self.host)?;
        if self.is_superseded {
            return f.write_str("superseded by other weights of its route");
        }
        write!(f, "{}", self.decision)
    }
}
