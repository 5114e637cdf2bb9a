//! A circuit breaker on a clock of its own, driven call by call.

use std::time::Duration;

use http::StatusCode;
use meshless::circuit_breaker::OpenReason;
use meshless::circuit_breaker::{
    CircuitBreakerLayer, CircuitBreakerPolicy, CircuitBreakerTicket, CircuitState,
};
use meshless::events::EventKind;
use meshless::{Outcome, Percent};
use tokio::time::{Instant, advance};

use crate::support::Events;

pub(crate) const BAD: Outcome = Outcome::Status(StatusCode::INTERNAL_SERVER_ERROR);
pub(crate) const GOOD: Outcome = Outcome::SUCCESS;
/// What the caller's policy ignores, and ours by default.
pub(crate) const IGNORED: Outcome = Outcome::Status(StatusCode::TOO_MANY_REQUESTS);

/// A breaker on a clock of its own, and the events of its observer.
pub(crate) struct Bench {
    began: Instant,
    events: Events,
    pub(crate) held: Vec<CircuitBreakerTicket>,
    pub(crate) layer: CircuitBreakerLayer,
}

impl Bench {
    pub(crate) fn new(policy: CircuitBreakerPolicy) -> Self {
        let events = Events::default();
        let observer = events.observer();
        Self {
            began: Instant::now(),
            events,
            held: Vec::new(),
            layer: CircuitBreakerLayer::with_observer(policy, observer),
        }
    }

    pub(crate) async fn at(&self, since: Duration) {
        let due = self.began + since;
        advance(due.saturating_duration_since(Instant::now())).await;
    }

    /// Makes one call; `false` if it was refused.
    pub(crate) fn call(&self, outcome: Outcome, latency: Duration) -> bool {
        let ticket = self.layer.admit();
        let admitted = ticket.is_ok();
        if let Ok(ticket) = ticket {
            ticket.settle_after(outcome, latency);
        }
        admitted
    }

    pub(crate) fn quick(&self, outcome: Outcome) -> bool {
        self.call(outcome, Duration::ZERO)
    }

    pub(crate) fn count(&self, is: impl Fn(&EventKind) -> bool) -> u64 {
        self.events.count(is) as u64
    }

    pub(crate) fn opened(&self) -> u64 {
        self.count(|event| matches!(event, EventKind::CircuitOpened { .. }))
    }

    pub(crate) fn refused(&self) -> u64 {
        self.count(|event| matches!(event, EventKind::Rejected(_)))
    }

    pub(crate) fn state(&self) -> &'static str {
        match self.layer.state() {
            CircuitState::Closed => "closed",
            CircuitState::ForcedOpen => "forced_open",
            CircuitState::HalfOpen => "half_open",
            CircuitState::Open { .. } => "open",
            other => panic!("{other:?} in a script without it"),
        }
    }

    pub(crate) fn why(&self) -> Option<OpenReason> {
        match self.layer.state() {
            CircuitState::Open { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

/// Only rates, and no recovery by steps: what other libraries' circuit breakers have in common.
pub(crate) fn rates() -> CircuitBreakerPolicy {
    CircuitBreakerPolicy::default()
        .with_consecutive_failures(0)
        .with_growth(1.0)
        .with_jitter(Percent::NONE)
        .with_ramp(Duration::ZERO)
}

/// Reads a script of failures and successes, a letter each.
pub(crate) fn outcomes(letters: &str) -> impl Iterator<Item = Outcome> {
    letters.chars().map(|letter| match letter {
        'F' => BAD,
        'S' => GOOD,
        other => panic!("{other}"),
    })
}
