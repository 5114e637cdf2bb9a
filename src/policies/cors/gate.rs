use std::sync::Arc;

use http::HeaderMap;

use super::CorsPolicy;
use super::machine::Verdict;
use crate::foundation::admission::{Admission, Gate, NoQueue, Ticket};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::{Failure, Outcome, Rejection};
use crate::foundation::sync::Switchable;

/// Gate that answers preflights; clones share one policy.
#[derive(Clone, Debug)]
pub struct CorsGate {
    policy: Option<Arc<Switchable<CorsPolicy>>>,
}

impl CorsGate {
    pub(super) const fn new(policy: Arc<Switchable<CorsPolicy>>) -> Self {
        Self {
            policy: Some(policy),
        }
    }

    /// Creates the gate of a route: without a policy every response stays as it is.
    #[cfg(feature = "istio")]
    pub(crate) fn of_route(policy: Option<CorsPolicy>) -> Self {
        let policy = policy.map(|policy| Arc::new(Switchable::new(policy, CorsPolicy::is_off)));
        Self { policy }
    }
}

impl CorsPolicy {
    /// Returns true if no response could change.
    pub(super) fn is_off(&self) -> bool {
        self.allow_origins.is_empty() && self.unmatched == super::UnmatchedPreflights::Forward
    }
}

impl Gate for CorsGate {
    type Ticket = CorsTicket;
    type Wait = NoQueue<CorsTicket>;

    #[inline]
    fn admit(&self, head: RequestHead<'_>) -> Admission<CorsTicket, Self::Wait> {
        let policy = self.policy.as_ref();
        let Some(policy) = policy.and_then(|policy| policy.load_unless_off()) else {
            return Admission::Admitted(CorsTicket(None));
        };
        match policy.decide(head) {
            Verdict::Preflight(headers) => Admission::RejectedInside(
                CorsTicket(Some(Box::new(headers))),
                Rejection::CorsPreflight,
            ),
            Verdict::Forwarded(headers) => Admission::Admitted(CorsTicket(Some(Box::new(headers)))),
            Verdict::Untouched => Admission::Admitted(CorsTicket(None)),
        }
    }
}

/// Ticket of a request, with the headers for its response.
#[derive(Debug)]
pub struct CorsTicket(Option<Box<HeaderMap>>);

impl Ticket for CorsTicket {
    fn on_outcome(&mut self, _outcome: Outcome) {}

    fn on_body_error(&mut self, _failure: Failure) {}

    fn wants_outcome(&self) -> bool {
        false
    }

    fn is_active(&self) -> bool {
        self.0.is_some()
    }

    fn write_headers(&mut self, headers: &mut HeaderMap) {
        // Those of the application are replaced, as in Envoy.
        for (name, value) in self.0.take().into_iter().flat_map(|own| *own) {
            if let Some(name) = name {
                headers.insert(name, value);
            }
        }
    }
}
