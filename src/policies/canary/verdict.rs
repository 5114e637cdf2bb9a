use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::counts::{Tally, float};
use crate::foundation::sync::Percent;

/// Result of an evaluation: the state of the rollout with its reason, and the weight that holds now.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    step: usize,
    verdict: Verdict,
    weight: Percent,
}

/// State of a rollout.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The canary was withdrawn.
    Aborted(AbortReason),
    /// The current step waits for more than time.
    Hold(Hold),
    /// The current step takes so long yet.
    Progressing(Duration),
    /// The canary is the new stable version.
    Promoted,
}

/// Reason for withdrawing a canary.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum AbortReason {
    /// The code of the application aborted the rollout.
    ByHand,
    /// The rollout lacked evidence for its [maximum](super::CanaryPolicy::with_maximum_hold).
    HeldTooLong(Duration),
    /// The canary is worse than the stable version.
    Worse(Report),
}

/// Reason for a step that waits.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Hold {
    /// Both versions fail so often that a common cause is likely.
    CommonCause {
        /// Share of bad requests of the canary in about the last minute, from 0 to 1.
        canary: f64,
        /// Name of the check.
        check: Box<str>,
        /// Share of bad requests of the stable version.
        stable: f64,
    },
    /// The code of the application paused the rollout.
    Paused,
    /// The evidence against the canary is above the square root of the threshold.
    Suspected(Report),
    /// Too few requests were compared at this weight.
    TooLittleTraffic {
        /// Name of the check.
        check: Box<str>,
        /// Time until they are enough at the rate so far; `None` without any.
        expected: Option<Duration>,
        /// Requests to the canary at this weight.
        requests: u64,
        /// Requests that are enough to notice the policy's detectable excess.
        required: u64,
    },
    /// The step waits for [`promote`](super::Canary::promote).
    UntilPromoted,
}

/// Evidence of one check over the whole rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub(super) canary: Tally,
    pub(super) check: Box<str>,
    pub(super) e_value: f64,
    pub(super) highest: f64,
    pub(super) means: Option<(Duration, Duration)>,
    pub(super) stable: Tally,
    pub(super) threshold: f64,
}

impl Decision {
    pub(super) const fn new(verdict: Verdict, weight: Percent, step: usize) -> Self {
        Self {
            step,
            verdict,
            weight,
        }
    }

    /// Returns the more cautious one of the decisions of two replicas: withdrawn before held before
    /// in progress before promoted, then the earlier step; and the lower weight.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let weight = self.weight.min(other.weight);
        let merged = if other.caution() > self.caution() {
            other
        } else {
            self
        };
        Self { weight, ..merged }
    }

    /// Returns the number of the current step, from 0 on.
    #[must_use]
    pub const fn step(&self) -> usize {
        self.step
    }

    /// Returns the state of the rollout.
    #[must_use]
    pub const fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Returns the share of requests that the canary gets.
    #[must_use]
    pub const fn weight(&self) -> Percent {
        self.weight
    }

    const fn caution(&self) -> (u8, std::cmp::Reverse<usize>) {
        let rank = match self.verdict {
            Verdict::Promoted => 0,
            Verdict::Progressing(_) => 1,
            Verdict::Hold(_) => 2,
            Verdict::Aborted(_) => 3,
        };
        (rank, std::cmp::Reverse(self.step))
    }
}

impl Report {
    /// Returns the counts of the canary.
    #[must_use]
    pub const fn canary(&self) -> Tally {
        self.canary
    }

    /// Returns the name of the check.
    #[must_use]
    pub fn check(&self) -> &str {
        &self.check
    }

    /// Returns the e-value: the wealth, from 1, of bets that the canary is worse.
    #[must_use]
    pub const fn e_value(&self) -> f64 {
        self.e_value
    }

    /// Returns the always-valid p-value: the inverse of the highest e-value so far, at most 1.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        self.highest.max(1.0).recip()
    }

    /// Returns the counts of the stable version beside the canary.
    #[must_use]
    pub const fn stable(&self) -> Tally {
        self.stable
    }

    /// Returns the e-value at which the canary is withdrawn.
    #[must_use]
    pub const fn threshold(&self) -> f64 {
        self.threshold
    }
}

impl Display for Decision {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let weight = f64::from(self.weight.millionths()) / 1e4;
        write!(f, "weight {weight} %: {}", self.verdict)
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aborted(reason) => write!(f, "aborted: {reason}"),
            Self::Hold(hold) => write!(f, "hold: {hold}"),
            Self::Progressing(time) => write!(f, "next step in {time:.1?}"),
            Self::Promoted => f.write_str("promoted"),
        }
    }
}

impl Display for AbortReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByHand => f.write_str("by hand"),
            Self::HeldTooLong(time) => write!(f, "too little evidence for {time:.0?}"),
            Self::Worse(report) => write!(f, "the canary is worse: {report}"),
        }
    }
}

impl Display for Hold {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommonCause {
                canary,
                check,
                stable,
            } => {
                let (canary, stable) = (canary * 100.0, stable * 100.0);
                write!(
                    f,
                    "both versions fail {check}: canary {canary:.1} %, stable {stable:.1} %"
                )
            }
            Self::Paused => f.write_str("paused by hand"),
            Self::Suspected(report) => write!(f, "the canary may be worse: {report}"),
            Self::TooLittleTraffic {
                check,
                expected,
                requests,
                required,
            } => {
                write!(f, "{check} has {requests} of {required} canary requests, ")?;
                match expected {
                    Some(time) => write!(f, "the rest in {time:.0?}"),
                    None => f.write_str("without any the time is unknown"),
                }
            }
            Self::UntilPromoted => f.write_str("waits for promotion by hand"),
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let rate = |tally: Tally| {
            let (bad, requests) = (tally.bad(), tally.requests());
            let percent = 100.0 * float(bad) / float(requests.max(1));
            format!("{bad} of {requests} ({percent:.2} %)")
        };
        let (canary, stable) = match self.means {
            Some((canary, stable)) => (format!("{canary:.1?}"), format!("{stable:.1?}")),
            None => (rate(self.canary), rate(self.stable)),
        };
        let Self {
            check,
            e_value,
            threshold,
            ..
        } = self;
        write!(
            f,
            "{check}, canary {canary}, stable {stable}, evidence {e_value:.1}, threshold {threshold:.0}"
        )
    }
}
