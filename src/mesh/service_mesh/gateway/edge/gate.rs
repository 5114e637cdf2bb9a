use http::Extensions;

use crate::foundation::admission::{Admission, Gate, NoQueue};
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Rejection;
use crate::mesh::service_mesh::router::route::inbound_limits::InboundLimits;
use crate::mesh::service_mesh::router::route::limits::RateLimitsTicket;

/// Gate that rejects requests which failed sanitation, and then those over the gateway's rate limits.
#[derive(Clone, Debug)]
pub struct EdgeGate {
    emitter: Emitter,
    limits: InboundLimits,
}

/// Request extension with the reason for a rejection at the edge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused(pub(super) Rejection);

impl EdgeGate {
    pub(in crate::mesh) fn new(limits: InboundLimits) -> Self {
        Self {
            emitter: limits.emitter(),
            limits,
        }
    }
}

impl Gate for EdgeGate {
    type Ticket = RateLimitsTicket;
    type Wait = NoQueue<RateLimitsTicket>;

    fn admit(&self, head: RequestHead<'_>) -> Admission<RateLimitsTicket, Self::Wait> {
        if let Some(Refused(rejection)) = head.extensions().get() {
            // Before the limits: a malformed request takes no token.
            self.emitter.emit(&EventKind::Rejected(*rejection));
            return Admission::Rejected(*rejection);
        }
        self.limits.admit(head)
    }

    /// Writes the source of a rejection at the edge; that of a limit is written by its ticket.
    fn write_extensions(&self, _rejection: Rejection, extensions: &mut Extensions) {
        self.emitter.write_source(extensions);
    }
}
