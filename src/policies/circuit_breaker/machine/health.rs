//! Health of the upstream as seen by a closed circuit, and the reasons to open.

use std::time::{Duration, Instant};

use crate::foundation::outcome::OpenReason;
use crate::policies::circuit_breaker::counters::counts::{CallSample, SuccessSample};
use crate::policies::circuit_breaker::counters::last_calls::LastCalls;
use crate::policies::circuit_breaker::counters::success_counters::WindowScope;
use crate::policies::circuit_breaker::counters::window::TimeWindow;
use crate::policies::circuit_breaker::{CircuitBreakerPolicy, Counts, Window};

/// The streak of failures, and the window if the policy has a rate.
#[derive(Debug)]
pub(in crate::policies::circuit_breaker) struct Health {
    /// Number of times that the window was reset.
    begun: u64,
    streak: u32,
    window: Option<Calls>,
}

#[derive(Debug)]
enum Calls {
    Last(Box<LastCalls>),
    Lately(Duration, Box<TimeWindow<Counts, 10>>),
}

impl Health {
    pub(in crate::policies::circuit_breaker) fn new(policy: &CircuitBreakerPolicy) -> Self {
        let mut health = Self {
            begun: 0,
            streak: 0,
            window: None,
        };
        health.reconfigure(policy);
        health
    }

    /// Applies another policy; a window of another size starts empty.
    pub(in crate::policies::circuit_breaker) fn reconfigure(
        &mut self,
        policy: &CircuitBreakerPolicy,
    ) {
        let timed = policy.times_calls();
        match &mut self.window {
            _ if !policy.needs_window() => {
                self.begun += 1;
                self.window = None;
            }
            Some(calls) if calls.is(policy.window()) => calls.time(timed),
            _ => {
                self.begun += 1;
                self.window = Some(Calls::new(policy.window(), timed));
            }
        }
        if !policy.counts_streaks() {
            self.streak = 0;
        }
    }

    pub(in crate::policies::circuit_breaker) fn clear(&mut self) {
        self.begun += 1;
        self.streak = 0;
        match &mut self.window {
            Some(Calls::Last(window)) => window.clear(),
            Some(Calls::Lately(_, window)) => window.clear(),
            None => {}
        }
    }

    /// True if a success, if quick, needs no more than to be counted in the window.
    pub(in crate::policies::circuit_breaker) fn has_no_failures(&self) -> bool {
        let counts_itself = match &self.window {
            Some(Calls::Last(window)) => window.is_timed(),
            // The first call starts the buckets, so it must reach the machine.
            Some(Calls::Lately(_, window)) => window.schedule().is_none(),
            None => false,
        };
        self.streak == 0 && !counts_itself
    }

    pub(in crate::policies::circuit_breaker) const fn has_window(&self) -> bool {
        self.window.is_some()
    }

    /// Returns a version that changes whenever the per-thread counters must be reset, and the calls
    /// that they have to count.
    pub(in crate::policies::circuit_breaker) fn scope(&self) -> (u64, Option<WindowScope>) {
        let scope = match &self.window {
            Some(Calls::Last(_)) => Some(WindowScope::All),
            Some(Calls::Lately(_, window)) => window.schedule().map(WindowScope::Lately),
            None => None,
        };
        // Doubled, so that the start of a time window's buckets changes the version as well.
        (2 * self.begun + u64::from(scope.is_some()), scope)
    }

    pub(in crate::policies::circuit_breaker) const fn streak(&self) -> u32 {
        self.streak
    }

    /// Returns the counts of the window; `elsewhere` are the successes counted per thread.
    pub(in crate::policies::circuit_breaker) fn counts(
        &mut self,
        elsewhere: SuccessSample,
        now: Instant,
    ) -> Counts {
        match &mut self.window {
            Some(Calls::Last(window)) => window.counts(elsewhere.calls),
            Some(Calls::Lately(_, window)) => {
                let mut counts = window.total(now);
                counts += elsewhere;
                counts
            }
            None => Counts::default(),
        }
    }

    /// Records a call, and returns every reason to open the circuit that it gives.
    ///
    /// A success gives none: it can raise the number of calls to the minimum, but a rate opens the
    /// circuit only with the call that failed or was slow.
    pub(in crate::policies::circuit_breaker) fn record(
        &mut self,
        call: CallSample,
        elsewhere: impl FnOnce(Instant) -> SuccessSample,
        policy: &CircuitBreakerPolicy,
        now: Instant,
    ) -> [Option<OpenReason>; 3] {
        if !call.failed {
            // A success, or a slow call, ends a streak of failures.
            self.streak = 0;
        } else if policy.counts_streaks() {
            self.streak = self.streak.saturating_add(1);
        }
        // The per-thread counters are summed up for a failed or slow call alone.
        let bad = call.is_bad() && self.has_window();
        let elsewhere = if bad {
            elsewhere(now)
        } else {
            SuccessSample::default()
        };
        match &mut self.window {
            Some(Calls::Last(window)) => window.record(call, elsewhere.calls),
            Some(Calls::Lately(_, window)) => window.record(call, now),
            None => {}
        }
        let streak = (call.failed && policy.opens_at_streak(self.streak))
            .then_some(OpenReason::ConsecutiveFailures(self.streak));
        if !bad {
            return [streak, None, None];
        }
        let counts = self.counts(elsewhere, now);
        let calls = counts.calls();
        // Too few calls for a rate; a streak still counts.
        if calls < policy.minimum_calls() {
            return [streak, None, None];
        }
        let (failed, slow) = (counts.failed(), counts.slow());
        let failures = (call.failed && policy.opens_at_failures(failed, calls))
            .then_some(OpenReason::FailureRate { calls, failed });
        let slowness = (call.slow && policy.opens_at_slow(slow, calls))
            .then_some(OpenReason::SlowRate { calls, slow });
        [streak, failures, slowness]
    }
}

impl Calls {
    fn new(window: Window, timed: bool) -> Self {
        match window {
            Window::Count(size) => Self::Last(Box::new(LastCalls::new(size, timed))),
            Window::Time(length) => Self::Lately(length, Box::new(TimeWindow::new(length))),
        }
    }

    fn is(&self, window: Window) -> bool {
        match (self, window) {
            (Self::Last(window), Window::Count(size)) => window.is_over(size),
            (Self::Lately(length, _), Window::Time(other)) => *length == other,
            _ => false,
        }
    }

    fn time(&mut self, timed: bool) {
        match self {
            Self::Last(window) => window.time(timed),
            Self::Lately(..) => {}
        }
    }
}
