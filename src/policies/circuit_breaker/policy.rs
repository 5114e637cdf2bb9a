use std::time::Duration;

use super::{FailureOn, Probes};
use crate::foundation::outcome::ErrorClassifier;
use crate::foundation::sync::Percent;

/// When to stop sending, for how long, and how to start again.
///
/// By default 5 failures in a row open the circuit for 30 seconds; then one call goes through, and
/// if it succeeds, a share of the requests that rises from 10 % to all of them within 10 seconds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CircuitBreakerPolicy {
    pub(super) consecutive_failures: u32,
    pub(super) dry_run: bool,
    pub(super) failure_on: FailureOn,
    pub(super) failure_rate: Percent,
    /// In thousandths.
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

/// What a failure rate and a slow-call rate are taken over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Window {
    /// The last so many calls. 0 means 1; the most is a million.
    Count(u32),
    /// The calls of the last so much time. They are dropped a tenth of the window at a time, as by
    /// Hystrix and Polly, so it covers between nine tenths and all of its length.
    Time(Duration),
}

impl CircuitBreakerPolicy {
    /// The policy that never opens the circuit, for a layer that is switched on later.
    #[must_use]
    pub fn off() -> Self {
        Self::default().with_consecutive_failures(0)
    }

    /// Sets how many failures in a row open the circuit. The default is 5, as Envoy's
    /// `consecutive_5xx`; 0 never opens it.
    #[must_use]
    pub const fn with_consecutive_failures(mut self, consecutive_failures: u32) -> Self {
        self.consecutive_failures = consecutive_failures;
        self
    }

    /// Only reports what would have opened the circuit, and refuses nothing. The default is
    /// `false`.
    ///
    /// Each reason is reported once in the time that the circuit would have been open for.
    #[must_use]
    pub const fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Sets which outcomes count as failures.
    #[must_use]
    pub fn with_failure_on(mut self, failure_on: FailureOn) -> Self {
        self.failure_on = failure_on;
        self
    }

    /// Sets the share of failed calls in the window that opens the circuit, when a call fails. The
    /// default is 0, which never opens it.
    #[must_use]
    pub const fn with_failure_rate(mut self, failure_rate: Percent) -> Self {
        self.failure_rate = failure_rate;
        self
    }

    /// Sets by which factor each opening is longer than the one before, until the circuit has
    /// closed. The default is 2; 1, and anything below it, keeps them equal. It is kept to the
    /// thousandth.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float is cut off at the ends of the integer's range, which is what is wanted"
    )]
    pub const fn with_growth(mut self, factor: f64) -> Self {
        let growth = (factor * 1_000.0 + 0.5) as u32;
        self.growth = if growth < 1_000 { 1_000 } else { growth };
        self
    }

    /// Sets by how much a repeated opening is lengthened at most, at random. The default is 10 %; 0
    /// takes it as it is.
    ///
    /// The first opening takes exactly [`with_open_for`](Self::with_open_for): every client opens
    /// at a moment of its own, and only the probes that fail together need to be spread.
    #[must_use]
    pub const fn with_jitter(mut self, jitter: Percent) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets how long the circuit stays open at most, however often it opened. The default is 300
    /// seconds, as Envoy's `max_ejection_time`. A time shorter than
    /// [`with_open_for`](Self::with_open_for) means that one.
    #[must_use]
    pub const fn with_max_open_for(mut self, max_open_for: Duration) -> Self {
        self.max_open_for = max_open_for;
        self
    }

    /// Sets how many calls the window must hold before a rate means anything. The default is 20, as
    /// Hystrix's; more than a window of calls can hold means all that it can hold.
    #[must_use]
    pub const fn with_minimum_calls(mut self, minimum_calls: u32) -> Self {
        self.minimum_calls = minimum_calls;
        self
    }

    /// Sets how long the circuit stays open before a probe is let through. The default is 30
    /// seconds, as Envoy's `base_ejection_time`; 0 lets one through at once.
    #[must_use]
    pub const fn with_open_for(mut self, open_for: Duration) -> Self {
        self.open_for = open_for;
        self
    }

    /// Sets how the upstream is tried after that.
    #[must_use]
    pub const fn with_probes(mut self, probes: Probes) -> Self {
        self.probes = probes;
        self
    }

    /// Sets over which time the share of requests that go through rises to all of them, once the
    /// probes went well. The default is 10 seconds; 0 lets all of them through at once.
    ///
    /// It starts at 10 % and rises evenly, as Envoy's slow start does. Who goes through is chance.
    #[must_use]
    pub const fn with_ramp(mut self, ramp: Duration) -> Self {
        self.ramp = ramp;
        self
    }

    /// Sets how failures are recognised in errors of the inner service. The default is
    /// [`Failure::of`](crate::Failure::of).
    #[must_use]
    pub fn with_error_classifier(mut self, error_classifier: ErrorClassifier) -> Self {
        self.error_classifier = error_classifier;
        self
    }

    /// Sets the share of slow calls in the window that opens the circuit, when a call is slow, and
    /// what slow is: slower than `slower_than`. The default is a share of 0, which never opens it.
    ///
    /// A call takes as long as its response's head takes to arrive: how long a body takes says how
    /// much was asked for, and how fast it is read, but not how well the upstream is.
    #[must_use]
    pub const fn with_slow_calls(mut self, rate: Percent, slower_than: Duration) -> Self {
        self.slow_rate = rate;
        self.slow_after = slower_than;
        self
    }

    /// Sets what the rates are taken over. The default is the last 30 seconds.
    #[must_use]
    pub const fn with_window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// Says whether this policy never opens the circuit.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.consecutive_failures == 0
            && self.failure_rate == Percent::NONE
            && self.slow_rate == Percent::NONE
    }

    /// Returns which outcomes count as failures.
    #[must_use]
    pub const fn failure_on(&self) -> &FailureOn {
        &self.failure_on
    }

    /// Returns how long the first opening takes.
    #[must_use]
    pub const fn open_for(&self) -> Duration {
        self.open_for
    }

    /// Returns how failures are recognised in errors.
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
