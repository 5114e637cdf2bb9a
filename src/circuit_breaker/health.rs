//! What a closed circuit knows of its upstream, and which of it is reason to open.

use std::time::{Duration, Instant};

use super::counts::Call;
use super::{CircuitBreakerPolicy, Counts, Window};
use crate::OpenReason;
use crate::base::window::{CountWindow, TimeWindow};

/// The failures in a row, and the calls in the window if the policy asks for one.
#[derive(Debug)]
pub(super) struct Health {
    streak: u32,
    window: Option<Calls>,
}

#[derive(Debug)]
enum Calls {
    Count(u32, CountWindow<Counts>),
    Time(Duration, Box<TimeWindow<Counts, 10>>),
}

/// Bounds the memory of a window of calls to 4 MB.
const MOST: u32 = 1_000_000;

impl Health {
    pub(super) fn new(policy: &CircuitBreakerPolicy) -> Self {
        Self {
            streak: 0,
            window: policy.needs_window().then(|| Calls::new(policy.window())),
        }
    }

    /// Takes over another policy; a window of another size begins anew.
    pub(super) fn reconfigure(&mut self, policy: &CircuitBreakerPolicy) {
        if !policy.needs_window() {
            self.window = None;
        } else if !self.window.as_ref().is_some_and(|w| w.is(policy.window())) {
            self.window = Some(Calls::new(policy.window()));
        }
        if !policy.counts_streaks() {
            self.streak = 0;
        }
    }

    pub(super) fn clear(&mut self) {
        self.streak = 0;
        match &mut self.window {
            Some(Calls::Count(_, window)) => window.clear(),
            Some(Calls::Time(_, window)) => window.clear(),
            None => {}
        }
    }

    /// Says that a good call would change nothing.
    pub(super) const fn is_spotless(&self) -> bool {
        self.streak == 0 && self.window.is_none()
    }

    pub(super) const fn streak(&self) -> u32 {
        self.streak
    }

    pub(super) fn counts(&mut self, now: Instant) -> Counts {
        match &mut self.window {
            Some(Calls::Count(_, window)) => window.total(),
            Some(Calls::Time(_, window)) => window.total(now),
            None => Counts::default(),
        }
    }

    /// Takes note of a call, and returns each reason that it gives to open the circuit.
    ///
    /// A good and quick call gives none, whatever the rates are: they only just rose over the minimum
    /// of calls.
    pub(super) fn record(
        &mut self,
        call: Call,
        policy: &CircuitBreakerPolicy,
        now: Instant,
    ) -> [Option<OpenReason>; 3] {
        if !call.failed() {
            self.streak = 0;
        } else if policy.counts_streaks() {
            self.streak = self.streak.saturating_add(1);
        }
        match &mut self.window {
            Some(Calls::Count(_, window)) => window.record(call),
            Some(Calls::Time(_, window)) => window.record(call, now),
            None => {}
        }
        let streak = (call.failed() && policy.opens_at_streak(self.streak))
            .then_some(OpenReason::ConsecutiveFailures(self.streak));
        let counts = self.counts(now);
        let calls = counts.calls();
        if calls == 0 || calls < policy.minimum_calls() {
            return [streak, None, None];
        }
        let (failed, slow) = (counts.failed(), counts.slow());
        let failures = (call.failed() && policy.opens_at_failures(failed, calls))
            .then_some(OpenReason::FailureRate { calls, failed });
        let slowness = (call.slow() && policy.opens_at_slow(slow, calls))
            .then_some(OpenReason::SlowRate { calls, slow });
        [streak, failures, slowness]
    }
}

impl Calls {
    fn new(window: Window) -> Self {
        match window {
            Window::Count(size) => Self::Count(size, CountWindow::new(size.min(MOST) as usize)),
            Window::Time(length) => Self::Time(length, Box::new(TimeWindow::new(length))),
        }
    }

    fn is(&self, window: Window) -> bool {
        match (self, window) {
            (Self::Count(size, _), Window::Count(other)) => *size == other,
            (Self::Time(length, _), Window::Time(other)) => *length == other,
            _ => false,
        }
    }
}
