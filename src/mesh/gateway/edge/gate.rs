use crate::foundation::admission::{Admission, Gate, NoQueue};
use crate::foundation::events::Event;
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Rejection;
use crate::mesh::router::route::inbound_limits::InboundLimits;
use crate::mesh::router::route::limits::RateLimitsTicket;

/// Keeps out what the edge refuses, and then what is over the limits of the gateway.
#[derive(Clone, Debug)]
pub struct EdgeGate {
    limits: InboundLimits,
}

/// What the edge found wrong with a request, among the request's extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused(pub(super) Rejection);

impl EdgeGate {
    pub(in crate::mesh) const fn new(limits: InboundLimits) -> Self {
        Self { limits }
    }
}

impl Gate for EdgeGate {
    type Ticket = RateLimitsTicket;
    type Wait = NoQueue<RateLimitsTicket>;

    fn admit(&self, head: RequestHead<'_>) -> Admission<RateLimitsTicket, Self::Wait> {
        if let Some(Refused(rejection)) = head.extensions().get() {
            self.limits.observe().on_event(&Event::Rejected(*rejection));
            return Admission::Rejected(*rejection);
        }
        self.limits.admit(head)
    }
}
