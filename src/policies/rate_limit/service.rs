use std::sync::Arc;

use http::{Extensions, HeaderMap};

#[cfg(feature = "governor")]
use super::RateLimitPolicy;
use super::added_header::AddedHeader;
#[cfg(feature = "governor")]
use super::governed::Governed;
use super::queue::wait::RateLimitWait;
use super::shared::{AdmitDecision, Shared};
use super::{RateLimitPermit, Status, headers};
use crate::foundation::admission::{Admission, Gate, Queued, QueuedFuture, Ticket};
use crate::foundation::http::{RequestHead, ResponseHead};
use crate::foundation::outcome::{Failure, Outcome, Rejection};
use crate::foundation::sync::sharded_arc::ShardedArcRef;

/// Rejects or queues requests over a rate limit.
///
/// See the [module docs](super) for an example.
pub type RateLimit<S> = Queued<S, RateLimitGate>;

/// Response future of [`RateLimit`].
pub type RateLimitFuture<S, B> = QueuedFuture<S, RateLimitGate, B>;

/// Gate of a [`RateLimit`].
#[derive(Clone, Debug)]
pub struct RateLimitGate {
    shared: ShardedArcRef<Arc<Shared>>,
}

impl RateLimitGate {
    pub(super) const fn new(shared: ShardedArcRef<Arc<Shared>>) -> Self {
        Self { shared }
    }
}

impl Gate for RateLimitGate {
    type Ticket = RateLimitTicket;
    type Wait = RateLimitWait;

    #[inline]
    fn admit(&self, head: RequestHead<'_>) -> Admission<RateLimitTicket, RateLimitWait> {
        if self.shared.is_off() {
            return Admission::Admitted(RateLimitTicket::default());
        }
        self.decide(head)
    }

    fn write_headers(&self, rejection: Rejection, answer: &mut HeaderMap) {
        let Rejection::RateLimited(limited) = rejection else {
            return;
        };
        let active = self.shared.snapshot();
        headers::of_rejection(&active, &limited, answer);
    }

    fn write_extensions(&self, _rejection: Rejection, extensions: &mut Extensions) {
        self.shared.emitter().write_source(extensions);
    }
}

impl RateLimitGate {
    /// Decides under a policy that limits something.
    fn decide(&self, head: RequestHead<'_>) -> Admission<RateLimitTicket, RateLimitWait> {
        let active = self.shared.snapshot();
        let policy = &active.policy;
        if !self.shared.counts(policy) {
            return Admission::Admitted(RateLimitTicket::default());
        }
        #[cfg(feature = "governor")]
        if let Some(governor) = policy.governed() {
            return self.ask(&active.policy, governor, head);
        }
        let key_hash = self.shared.key_hash(policy, head);
        let cost = policy.cost(head);
        match self.shared.reserve(&active, key_hash, cost, true) {
            AdmitDecision::Admitted(at) if policy.settles() => {
                let permit = RateLimitPermit::new(Arc::clone(&self.shared), key_hash, at, cost);
                Admission::Admitted(RateLimitTicket::of(permit))
            }
            // Neither the charge nor the headers depend on the response: no permit is kept.
            AdmitDecision::Admitted(_) => Admission::Admitted(RateLimitTicket::default()),
            AdmitDecision::Uncounted => {
                Admission::Admitted(RateLimitTicket::uncounted(policy.request_headers()))
            }
            AdmitDecision::Rejected(rejection) => Admission::Rejected(rejection),
            AdmitDecision::Waiting(reservation) => {
                Admission::Waiting(RateLimitWait::new(reservation))
            }
        }
    }
}

#[cfg(feature = "governor")]
impl RateLimitGate {
    /// Lets a limiter of governor decide.
    fn ask(
        &self,
        policy: &RateLimitPolicy,
        governor: &Governed,
        head: RequestHead<'_>,
    ) -> Admission<RateLimitTicket, RateLimitWait> {
        let cost = policy.cost(head);
        match governor.decide(policy, head, cost) {
            Ok(status @ Some(_)) if policy.headers().on_all() => {
                let permit = RateLimitPermit::new(Arc::clone(&self.shared), None, 0, cost);
                let admitted = Admitted::Charged { permit, status };
                Admission::Admitted(RateLimitTicket(Some(Box::new(admitted))))
            }
            Ok(_) => Admission::Admitted(RateLimitTicket::default()),
            Err(limited) => match self.shared.refuse_governed(policy, limited) {
                AdmitDecision::Rejected(rejection) => Admission::Rejected(rejection),
                _ => Admission::Admitted(RateLimitTicket::uncounted(policy.request_headers())),
            },
        }
    }
}

/// A request that was admitted, with its charge.
///
/// Boxed, and empty if there is nothing to settle, to write or to report: most limits need no
/// more than their decision, and a ticket is moved with the future and the body of each call.
#[derive(Debug, Default)]
pub struct RateLimitTicket(Option<Box<Admitted>>);

/// Work that a limit has with a request after its admission.
#[derive(Debug)]
enum Admitted {
    /// Headers for the upstream of a request over the limit, where that is not enforced.
    Uncounted(Arc<[AddedHeader]>),
    Charged {
        permit: RateLimitPermit,
        /// Status at the time of admission, if the policy reports it.
        status: Option<Status>,
    },
}

impl RateLimitTicket {
    /// Admits a request with its charge.
    pub(super) fn of(permit: RateLimitPermit) -> Self {
        // Read at admission, since later requests change it.
        let status = permit.status();
        Self(Some(Box::new(Admitted::Charged { permit, status })))
    }

    /// Admits a request over a limit that is not enforced.
    fn uncounted(added: Option<Arc<[AddedHeader]>>) -> Self {
        Self(added.map(|added| Box::new(Admitted::Uncounted(added))))
    }

    fn permit(&mut self) -> Option<&mut RateLimitPermit> {
        match self.0.as_deref_mut()? {
            Admitted::Uncounted(_) => None,
            Admitted::Charged { permit, .. } => Some(permit),
        }
    }

    /// Says whether the request was charged anything.
    #[cfg(feature = "istio")]
    pub(crate) fn is_charged(&self) -> bool {
        matches!(self.0.as_deref(), Some(Admitted::Charged { permit, .. }) if permit.charged() > 0)
    }
}

impl Ticket for RateLimitTicket {
    fn on_outcome(&mut self, _outcome: Outcome) {}

    fn on_body_error(&mut self, _failure: Failure) {}

    #[inline]
    fn wants_outcome(&self) -> bool {
        false
    }

    #[inline]
    fn is_active(&self) -> bool {
        self.0.is_some()
    }

    #[inline]
    fn forward(&mut self, headers: &mut HeaderMap) -> bool {
        let Some(Admitted::Uncounted(added)) = self.0.as_deref() else {
            return false;
        };
        added.iter().for_each(|header| header.write(headers));
        true
    }

    fn on_response(&mut self, head: ResponseHead<'_>) {
        if let Some(permit) = self.permit() {
            permit.on_response(head);
        }
    }

    fn write_headers(&mut self, answer: &mut HeaderMap) {
        if let Some(Admitted::Charged {
            permit,
            status: Some(status),
        }) = self.0.as_deref()
        {
            permit.policy(|active| headers::of_admission(active, status, answer));
        }
    }

    fn write_extensions(&mut self, extensions: &mut Extensions) {
        if let Some(charge) = self.permit().and_then(RateLimitPermit::hand_out) {
            extensions.insert(charge);
        }
    }
}
