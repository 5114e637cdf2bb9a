use std::time::Duration;

use super::{FailureOn, Probes};
use crate::{Percent, Recognizer};

/// When to stop sending, for how long, and how to start again.
///
/// By default 5 failures in a row open the circuit for 30 seconds; then one call goes through, and if
/// it succeeds, a share of the requests that rises from 10 % to all of them within 10 seconds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CircuitBreakerPolicy {
    consecutive_failures: u32,
    dry_run: bool,
    failure_on: FailureOn,
    failure_rate: Percent,
    /// In thousandths.
    growth: u32,
    jitter: Percent,
    max_open_for: Duration,
    minimum_calls: u32,
    open_for: Duration,
    probes: Probes,
    ramp: Duration,
    recognizer: Recognizer,
    slow_after: Duration,
    slow_rate: Percent,
    window: Window,
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

    /// Only reports what would have opened the circuit, and refuses nothing. The default is `false`.
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

    /// Sets by which factor each opening is longer than the one before, until the circuit has closed.
    /// The default is 2; 1, and anything below it, keeps them equal. It is kept to the thousandth.
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
    /// The first opening takes exactly [`with_open_for`](Self::with_open_for): every client opens at a
    /// moment of its own, and only the probes that fail together need to be spread.
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
    pub fn with_recognizer(mut self, recognizer: Recognizer) -> Self {
        self.recognizer = recognizer;
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
    pub const fn recognizer(&self) -> &Recognizer {
        &self.recognizer
    }
}

/// What the machine asks.
impl CircuitBreakerPolicy {
    pub(super) const fn dry_run(&self) -> bool {
        self.dry_run
    }

    pub(super) const fn never_opens(&self) -> bool {
        !self.counts_streaks() && !self.needs_window()
    }

    pub(super) const fn counts_streaks(&self) -> bool {
        self.consecutive_failures != 0
    }

    pub(super) const fn opens_at_streak(&self, failures: u32) -> bool {
        self.counts_streaks() && failures >= self.consecutive_failures
    }

    pub(super) const fn opens_at_failures(&self, failed: u64, calls: u64) -> bool {
        has(self.failure_rate) && self.failure_rate.reached_by(failed, calls)
    }

    pub(super) const fn opens_at_slow(&self, slow: u64, calls: u64) -> bool {
        self.times_calls() && self.slow_rate.reached_by(slow, calls)
    }

    pub(super) const fn has_failure_rate(&self) -> bool {
        has(self.failure_rate)
    }

    pub(super) const fn needs_window(&self) -> bool {
        has(self.failure_rate) || has(self.slow_rate)
    }

    pub(super) const fn times_calls(&self) -> bool {
        has(self.slow_rate)
    }

    pub(super) fn is_slow(&self, latency: Duration) -> bool {
        self.times_calls() && latency > self.slow_after
    }

    pub(super) fn minimum_calls(&self) -> u64 {
        let most = match self.window {
            Window::Count(size) => size.max(1),
            Window::Time(_) => u32::MAX,
        };
        u64::from(self.minimum_calls.min(most))
    }

    /// How long the circuit stays open after it has opened `openings` times without closing.
    pub(super) fn open_for_after(&self, openings: u32, roll: u64) -> Duration {
        if openings == 0 {
            return self.open_for;
        }
        let factor = (f64::from(self.growth) / 1_000.0).powf(f64::from(openings));
        let most = self.longest();
        let grown = Duration::try_from_secs_f64(self.open_for.as_secs_f64() * factor);
        let grown = grown.unwrap_or(most).min(most);
        let share = u32::try_from(self.jitter.of(roll >> 32)).unwrap_or(u32::MAX);
        let jitter = grown.as_secs_f64() * f64::from(share) / f64::from(u32::MAX);
        let jittered = grown.saturating_add(Duration::from_secs_f64(jitter));
        jittered.min(most)
    }

    pub(super) fn longest(&self) -> Duration {
        self.max_open_for.max(self.open_for)
    }

    pub(super) const fn probes(&self) -> &Probes {
        &self.probes
    }

    pub(super) const fn ramp(&self) -> Duration {
        self.ramp
    }

    pub(super) const fn window(&self) -> Window {
        self.window
    }
}

/// A rate of 0 % is none: it would open the circuit at the first call of any kind.
const fn has(rate: Percent) -> bool {
    rate.millionths() != 0
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
            recognizer: Recognizer::default(),
            slow_after: Duration::ZERO,
            slow_rate: Percent::NONE,
            window: Window::Time(Duration::from_secs(30)),
        }
    }
}
