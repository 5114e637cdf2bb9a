#[cfg(feature = "serde")]
mod config;

use std::time::Duration;

use super::{FailureOn, Probes};
use crate::foundation::outcome::ErrorClassifier;
use crate::foundation::sync::Percent;
use crate::foundation::sync::debug_changes::debug_changes;

/// Thresholds for opening the circuit, and the rules for closing it.
///
/// By default 5 consecutive failures open the circuit for 30 seconds; then one call is admitted as
/// a probe, and if it succeeds, a share of the requests that rises from 10 % to 100 % within 10
/// seconds.
#[derive(Clone, Eq, PartialEq)]
pub struct CircuitBreakerPolicy {
    pub(super) consecutive_failures: u32,
    pub(super) dry_run: bool,
    pub(super) failure_on: FailureOn,
    pub(super) failure_rate: Percent,
    /// Factor in thousandths.
    pub(super) growth: u32,
    pub(super) jitter: Percent,
    pub(super) max_open_for: Duration,
    pub(super) minimum_calls: u32,
    pub(super) open_for: Duration,
    pub(super) probes: Probes,
    pub(super) ramp: Duration,
    pub(super) error_classifier: ErrorClassifier,
    pub(super) slow_after: Duration,
    pub(super) slow_rate: Percent,
    pub(super) window: Window,
}

debug_changes!(
    CircuitBreakerPolicy: consecutive_failures, dry_run, failure_on, failure_rate, growth, jitter, max_open_for, minimum_calls, open_for, probes, ramp, error_classifier, slow_after, slow_rate, window,
);

/// The window of a failure rate and a slow-call rate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Window {
    /// The last calls, this many. 0 means 1; the maximum is a million.
    Count(u32),
    /// The calls of this period of time. They expire a tenth of the window at a time, as in Hystrix
    /// and Polly, so the window covers between nine tenths and all of its length.
    Time(Duration),
}

impl CircuitBreakerPolicy {
    /// Returns a policy that never opens the circuit, for a layer that is enabled later.
    #[must_use]
    pub fn off() -> Self {
        Self::default().with_consecutive_failures(0)
    }

    /// Sets the number of consecutive failures that opens the circuit. The default is 5, as Envoy's
    /// `consecutive_5xx`; 0 disables this threshold.
    #[must_use]
    pub const fn with_consecutive_failures(mut self, consecutive_failures: u32) -> Self {
        self.consecutive_failures = consecutive_failures;
        self
    }

    /// Sets the dry run: it reports every reason to open the circuit, and rejects nothing. The
    /// default is false.
    ///
    /// Each reason is reported once in the time for which the circuit would have been open.
    #[must_use]
    pub const fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Sets the outcomes that count as failures.
    #[must_use]
    pub fn with_failure_on(mut self, failure_on: FailureOn) -> Self {
        self.failure_on = failure_on;
        self
    }

    /// Sets the share of failed calls in the window at which a failed call opens the circuit. The
    /// default is 0, which disables this threshold.
    #[must_use]
    pub const fn with_failure_rate(mut self, failure_rate: Percent) -> Self {
        self.failure_rate = failure_rate;
        self
    }

    /// Sets the factor by which each consecutive opening is longer than the one before. The default
    /// is 2; 1 and below keep them equal. Stored in thousandths.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from float saturates, as intended"
    )]
    pub const fn with_growth(mut self, factor: f64) -> Self {
        let growth = (factor * 1_000.0 + 0.5) as u32;
        self.growth = if growth < 1_000 { 1_000 } else { growth };
        self
    }

    /// Sets the random extension of a repeated opening, as its maximum share. The default is 10 %;
    /// 0 disables it.
    ///
    /// The first opening takes exactly [`with_open_for`](Self::with_open_for): clients open at
    /// different times, and only those whose probes fail together need to be spread.
    #[must_use]
    pub const fn with_jitter(mut self, jitter: Percent) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets the maximum length of an opening. The default is 300 seconds, as Envoy's
    /// `max_ejection_time`. A value below [`with_open_for`](Self::with_open_for) means that value.
    #[must_use]
    pub const fn with_max_open_for(mut self, max_open_for: Duration) -> Self {
        self.max_open_for = max_open_for;
        self
    }

    /// Sets the minimum number of calls in the window for a rate to have an effect. The default is
    /// 20, as in Hystrix; it is capped at the size of a count-based window.
    #[must_use]
    pub const fn with_minimum_calls(mut self, minimum_calls: u32) -> Self {
        self.minimum_calls = minimum_calls;
        self
    }

    /// Sets the time that the circuit stays open before a probe is admitted. The default is 30
    /// seconds, as Envoy's `base_ejection_time`; with 0 a probe is admitted at once.
    #[must_use]
    pub const fn with_open_for(mut self, open_for: Duration) -> Self {
        self.open_for = open_for;
        self
    }

    /// Sets the probing of the upstream after that time.
    #[must_use]
    pub const fn with_probes(mut self, probes: Probes) -> Self {
        self.probes = probes;
        self
    }

    /// Sets the time in which the share of admitted requests rises to 100 % after successful
    /// probes. The default is 10 seconds; with 0 all requests are admitted at once.
    ///
    /// The share starts at 10 % and rises linearly, as in Envoy's slow start. Requests are admitted
    /// at random.
    #[must_use]
    pub const fn with_ramp(mut self, ramp: Duration) -> Self {
        self.ramp = ramp;
        self
    }

    /// Sets the classification of errors of the inner service, and of [`run`](super::CircuitBreakerLayer::run):
    /// which of them are failures. The default is [`Failure::of`](crate::Failure::of), by which every error that is
    /// not known is a failure.
    #[must_use]
    pub fn with_error_classifier(mut self, error_classifier: ErrorClassifier) -> Self {
        self.error_classifier = error_classifier;
        self
    }

    /// Sets the share of slow calls in the window at which a slow call opens the circuit; a call is
    /// slow above `slower_than`. The default is a share of 0, which disables this threshold.
    ///
    /// The latency of a call ends with its response head: the time for a body depends on its size
    /// and on its reader, and not on the health of the upstream.
    #[must_use]
    pub const fn with_slow_calls(mut self, rate: Percent, slower_than: Duration) -> Self {
        self.slow_rate = rate;
        self.slow_after = slower_than;
        self
    }

    /// Sets the window of the rates. The default is the last 30 seconds.
    #[must_use]
    pub const fn with_window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// True if this policy never opens the circuit.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.consecutive_failures == 0
            && self.failure_rate == Percent::NONE
            && self.slow_rate == Percent::NONE
    }

    /// Returns the outcomes that count as failures.
    #[must_use]
    pub const fn failure_on(&self) -> &FailureOn {
        &self.failure_on
    }

    /// Returns the length of the first opening.
    #[must_use]
    pub const fn open_for(&self) -> Duration {
        self.open_for
    }

    /// Returns the classification of errors.
    #[must_use]
    pub const fn error_classifier(&self) -> &ErrorClassifier {
        &self.error_classifier
    }
}

impl Default for CircuitBreakerPolicy {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            dry_run: false,
            failure_on: FailureOn::default(),
            failure_rate: Percent::NONE,
            growth: 2_000,
            jitter: Percent::new(10),
            max_open_for: Duration::from_secs(300),
            minimum_calls: 20,
            open_for: Duration::from_secs(30),
            probes: Probes::default(),
            ramp: Duration::from_secs(10),
            error_classifier: ErrorClassifier::default(),
            slow_after: Duration::ZERO,
            slow_rate: Percent::NONE,
            window: Window::Time(Duration::from_secs(30)),
        }
    }
}
