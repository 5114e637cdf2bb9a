use std::fmt::{self, Display, Formatter};

/// Reason for which a rollout does not start.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CanaryError {
    /// No route of the host splits its requests between the subset and another destination.
    #[error(
        "no route of {host} splits its requests between the subset `{subset}` and another destination; {}",
        Known(known)
    )]
    NoSplit {
        /// Host of the release.
        host: Box<str>,
        /// Routes with more than one destination, with the subsets of these.
        known: Vec<Box<str>>,
        /// Subset of the release.
        subset: Box<str>,
    },
    /// It was not called in a runtime of tokio, whose timer the rollout needs.
    #[error(
        "a rollout needs a runtime of tokio: start it in an async function, or after `Runtime::enter`"
    )]
    NoRuntime,
    /// A mesh has no effect for a step of the policy: routes by header or cookie, and mirrors.
    #[error(
        "step {index} of the rollout has no effect in a mesh: {step}; use weights and pauses, and a route of the documents"
    )]
    Step {
        /// Number of the step, from 0.
        index: usize,
        /// Name of the step.
        step: &'static str,
    },
    /// A rollout of the host is running.
    #[error("a rollout of {host} is running: end it by `abort` or `promote_fully` first")]
    Running {
        /// Host of the release.
        host: Box<str>,
    },
}

struct Known<'a>(&'a [Box<str>]);

impl Display for Known<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("it has no route with more than one destination"),
            known => write!(
                f,
                "its routes with several destinations: {}",
                known.join(", ")
            ),
        }
    }
}
