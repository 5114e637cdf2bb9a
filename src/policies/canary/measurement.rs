//! Measurements of an application's own, by the rules of Argo's `AnalysisTemplate`.

/// Bounds on the measurements of one metric, in the words and with the defaults of Argo Rollouts.
///
/// For what is not an outcome of a request, such as a queue's length: the application measures at an
/// interval, and asks for the [phase](Self::assess). `Failed` is a reason to
/// [abort](super::Canary::abort), `Inconclusive` one to [pause](super::Canary::pause).
///
/// ```
/// use meshless::canary::{MeasurementLimits, Measurements, Phase};
///
/// let limits = MeasurementLimits::default().with_count(5);
/// let good = Measurements { successful: 5, count: 5, ..Measurements::default() };
/// assert_eq!(limits.assess(&good, false), Phase::Successful);
/// let bad = Measurements { failed: 1, count: 1, ..Measurements::default() };
/// assert_eq!(limits.assess(&bad, false), Phase::Failed);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MeasurementLimits {
    consecutive_errors: u32,
    consecutive_successes: u32,
    count: Option<u32>,
    failures: Option<u32>,
    inconclusive: Option<u32>,
}

/// Numbers of measurements so far, by their result.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Measurements {
    /// Errors of the measurement itself in sequence, up to the last one.
    pub consecutive_errors: u32,
    /// Successful ones in sequence, up to the last one.
    pub consecutive_successes: u32,
    /// All that are complete and no error.
    pub count: u32,
    /// Those that fulfilled the condition of failure.
    pub failed: u32,
    /// Those that fulfilled neither condition.
    pub inconclusive: u32,
    /// Those that fulfilled the condition of success.
    pub successful: u32,
}

/// Phase of a metric, as of Argo's `AnalysisRun`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Phase {
    /// Too many measurements in sequence had an error.
    Error,
    /// Too many measurements failed.
    Failed,
    /// The measurements are over, or too many were inconclusive, and decide nothing.
    Inconclusive,
    /// Further measurements follow.
    Running,
    /// The measurements are over.
    Successful,
}

impl MeasurementLimits {
    /// Sets the errors in sequence that are tolerated (`consecutiveErrorLimit`). The default is 4.
    #[must_use]
    pub const fn with_consecutive_errors(mut self, tolerated: u32) -> Self {
        self.consecutive_errors = tolerated;
        self
    }

    /// Sets the successful measurements in sequence that end them (`consecutiveSuccessLimit`). The
    /// default is 0, which disables it.
    #[must_use]
    pub const fn with_consecutive_successes(mut self, enough: u32) -> Self {
        self.consecutive_successes = enough;
        self
    }

    /// Sets the number of measurements (`count`). By default they have no end; 0 means that, too.
    #[must_use]
    pub const fn with_count(mut self, count: u32) -> Self {
        self.count = if count == 0 { None } else { Some(count) };
        self
    }

    /// Sets the failed measurements that are tolerated (`failureLimit`); `None` tolerates all, as
    /// Argo's -1. The default is 0.
    #[must_use]
    pub const fn with_failures(mut self, tolerated: Option<u32>) -> Self {
        self.failures = tolerated;
        self
    }

    /// Sets the inconclusive measurements that are tolerated (`inconclusiveLimit`); `None` tolerates
    /// all. The default is 0.
    #[must_use]
    pub const fn with_inconclusive(mut self, tolerated: Option<u32>) -> Self {
        self.inconclusive = tolerated;
        self
    }

    /// Returns the phase; `terminating` if no further measurement will be made.
    ///
    /// Failures come before inconclusive ones, errors and successes.
    #[must_use]
    pub const fn assess(&self, measured: &Measurements, terminating: bool) -> Phase {
        if exceeds(self.failures, measured.failed) {
            return Phase::Failed;
        }
        if exceeds(self.inconclusive, measured.inconclusive) {
            return Phase::Inconclusive;
        }
        if measured.consecutive_errors > self.consecutive_errors {
            return Phase::Error;
        }
        let by_successes = self.consecutive_successes > 0;
        if by_successes && measured.consecutive_successes >= self.consecutive_successes {
            return Phase::Successful;
        }
        let is_over = matches!(self.count, Some(count) if measured.count >= count);
        match (is_over, by_successes, self.failures) {
            // Success was to be shown, and was not.
            (true, true, None) => Phase::Failed,
            // Neither bound was reached.
            (true, true, Some(_)) => Phase::Inconclusive,
            (true, false, _) => Phase::Successful,
            (false, ..) if terminating => Phase::Successful,
            (false, ..) => Phase::Running,
        }
    }
}

impl Default for MeasurementLimits {
    fn default() -> Self {
        Self {
            consecutive_errors: 4,
            consecutive_successes: 0,
            count: None,
            failures: Some(0),
            inconclusive: Some(0),
        }
    }
}

const fn exceeds(tolerated: Option<u32>, count: u32) -> bool {
    matches!(tolerated, Some(tolerated) if count > tolerated)
}
