use std::sync::Arc;

use http::{Extensions, HeaderMap};

use super::shared::{Booked, Shared};
use super::wait::RateLimitWait;
use super::{Charge, Permit, RateLimitHeaders, Status, headers};
use crate::base::gate::{Admission, Gate, Queued, QueuedFuture, Ticket};
use crate::base::{Failure, Outcome, Rejection, RequestHead, ResponseHead};

/// Turns requests away, or lets them wait, when a limit is used up.
///
/// See the [module docs](super) for an example.
pub type RateLimit<S> = Queued<S, RateLimitGate>;

/// Response future of [`RateLimit`].
pub type RateLimitFuture<S, B> = QueuedFuture<S, RateLimitGate, B>;

/// Decides which requests a [`RateLimit`] lets in.
#[derive(Clone, Debug)]
pub struct RateLimitGate {
    shared: Arc<Shared>,
}

impl RateLimitGate {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl Gate for RateLimitGate {
    type Ticket = RateLimitTicket;
    type Wait = RateLimitWait;

    fn admit(&self, head: RequestHead<'_>) -> Admission<RateLimitTicket, RateLimitWait> {
        let active = self.shared.active();
        let policy = &active.policy;
        if policy.is_off() || !self.shared.counts(policy) {
            return Admission::Admitted(RateLimitTicket::default());
        }
        let slot = self.shared.slot_of(policy, head);
        let cost = policy.cost(head);
        match self.shared.book(&active, slot, cost, true) {
            Booked::Admitted(at) => {
                let permit = || Permit::new(Arc::clone(&self.shared), slot, at, cost);
                let told = policy.headers().on_all();
                Admission::Admitted(RateLimitTicket {
                    permit: (told || policy.settles()).then(permit),
                    status: told.then(|| Box::new(self.shared.status(&active, slot))),
                })
            }
            Booked::Rejected(rejection) => Admission::Rejected(rejection),
            Booked::Waiting(reservation) => Admission::Waiting(RateLimitWait::new(reservation)),
        }
    }

    fn annotate(&self, rejection: Rejection, answer: &mut HeaderMap) {
        let Rejection::RateLimited(limited) = rejection else {
            return;
        };
        let active = self.shared.active();
        let told = active.policy.headers();
        if told != RateLimitHeaders::None {
            headers::of_rejection(&active, &limited, answer);
        }
    }
}

/// A request that was let in, and what it was charged.
#[derive(Debug, Default)]
pub struct RateLimitTicket {
    /// Only if there is something to settle or to tell.
    permit: Option<Permit>,
    /// What was left, boxed because few policies tell it.
    status: Option<Box<Status>>,
}

impl RateLimitTicket {
    /// Admits a request that has waited.
    pub(super) fn of(permit: Permit) -> Self {
        let status = permit.status_if_told();
        Self {
            permit: Some(permit),
            status: status.map(Box::new),
        }
    }
}

impl Ticket for RateLimitTicket {
    fn head(&mut self, _outcome: Outcome) {}

    fn broken(&mut self, _failure: Failure) {}

    fn inspect(&mut self, head: ResponseHead<'_>) {
        if let Some(permit) = &mut self.permit {
            let shared = Arc::clone(permit.shared());
            let actual = shared.active().policy.usage(head, permit.charged());
            permit.correct(actual);
        }
    }

    fn annotate(&mut self, answer: &mut HeaderMap) {
        if let (Some(permit), Some(status)) = (&self.permit, &self.status) {
            headers::of_admission(&permit.shared().active(), status, answer);
        }
    }

    fn extend(&mut self, extensions: &mut Extensions) {
        if let Some(permit) = &self.permit
            && permit.shared().active().policy.hands_out_charges()
        {
            extensions.insert(Charge::new(permit));
        }
    }
}
