//! The probes of a half-open circuit, and their evaluation.

use std::time::Instant;

use crate::foundation::outcome::OpenReason;
use crate::foundation::time::clock;
use crate::policies::circuit_breaker::counters::counts::CallSample;
use crate::policies::circuit_breaker::{CircuitBreakerPolicy, Probes};

/// The probes in flight, and the results of completed ones.
#[derive(Debug)]
pub(in crate::policies::circuit_breaker) struct HalfOpen {
    calls: u32,
    failed: u32,
    good: u32,
    next: u32,
    slots: Vec<ProbeSlot>,
    slow: u32,
    /// True if slow calls opened the circuit, so that a slow probe counts as failed.
    slowness: bool,
}

/// A probe in flight.
#[derive(Debug)]
struct ProbeSlot {
    probe: u32,
    until: Instant,
}

/// Joint result of all probes so far.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::policies::circuit_breaker) enum ProbeResult {
    Failed(OpenReason),
    Passed,
    Undecided,
}

impl HalfOpen {
    pub(in crate::policies::circuit_breaker) const fn new(slowness: bool) -> Self {
        Self {
            calls: 0,
            failed: 0,
            good: 0,
            next: 0,
            slots: Vec::new(),
            slow: 0,
            slowness,
        }
    }

    /// Admits a probe if a slot is free; returns its number.
    pub(in crate::policies::circuit_breaker) fn admit(
        &mut self,
        probes: &Probes,
        now: Instant,
    ) -> Option<u32> {
        // A probe whose lease is over no longer blocks others.
        self.slots.retain(|place| now < place.until);
        if self.slots.len() >= probes.at_once() {
            return None;
        }
        let probe = self.next;
        // Numbers identify slots, so that a probe whose lease was over does not free another's.
        self.next = self.next.wrapping_add(1);
        let until = clock::after(now, probes.lease());
        self.slots.push(ProbeSlot { probe, until });
        Some(probe)
    }

    /// True if slow calls opened the circuit.
    pub(in crate::policies::circuit_breaker) const fn slowness(&self) -> bool {
        self.slowness
    }

    /// Frees the slot of a probe.
    pub(in crate::policies::circuit_breaker) fn free(&mut self, probe: u32) {
        self.slots.retain(|place| place.probe != probe);
    }

    /// Records the result of a probe.
    pub(in crate::policies::circuit_breaker) fn record(
        &mut self,
        call: CallSample,
        policy: &CircuitBreakerPolicy,
    ) -> ProbeResult {
        self.calls = self.calls.saturating_add(1);
        self.failed = self.failed.saturating_add(u32::from(call.failed));
        self.slow = self.slow.saturating_add(u32::from(call.slow));
        let bad = call.failed || (call.slow && self.slowness);
        self.good += u32::from(!bad);
        let probes = policy.probes();
        let (good, bad) = if probes.batch() {
            // In a batch, `successes` is the size of the batch.
            let over = self.calls >= probes.successes();
            let bad = self.batch_failed(policy);
            (over && !bad, over && bad)
        } else {
            let bad = self.calls - self.good;
            (self.good >= probes.successes(), bad >= probes.failures())
        };
        if bad {
            ProbeResult::Failed(OpenReason::ProbesFailed {
                calls: self.calls,
                failed: self.failed,
                slow: self.slow,
            })
        } else if good {
            ProbeResult::Passed
        } else {
            ProbeResult::Undecided
        }
    }

    fn batch_failed(&self, policy: &CircuitBreakerPolicy) -> bool {
        let calls = u64::from(self.calls);
        let failures = if policy.has_failure_rate() {
            policy.opens_at_failures(u64::from(self.failed), calls)
        } else {
            self.failed > 0
        };
        failures || policy.opens_at_slow(u64::from(self.slow), calls)
    }
}
