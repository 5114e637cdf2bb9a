use http::Extensions;

use crate::foundation::admission::{Admission, Gate};
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Rejection;
use crate::mesh::service_mesh::router::route::inbound_limits::{InboundLimits, ServerGates};
use crate::mesh::stack::routed;
use crate::policies::authorization::AuthorizationGate;

/// Gate that rejects requests which failed sanitation, those that the policies deny, and then those over the gateway's rate limits.
#[derive(Clone, Debug)]
pub struct EdgeGate {
    emitter: Emitter,
    gates: ServerGates,
}

/// Request extension with the reason for a rejection at the edge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused(pub(super) Rejection);

impl EdgeGate {
    pub(in crate::mesh) fn new(authorization: AuthorizationGate, limits: InboundLimits) -> Self {
        Self {
            emitter: limits.emitter(),
            gates: routed::server_gates(authorization, limits),
        }
    }
}

impl Gate for EdgeGate {
    type Ticket = <ServerGates as Gate>::Ticket;
    type Wait = <ServerGates as Gate>::Wait;

    fn admit(&self, head: RequestHead<'_>) -> Admission<Self::Ticket, Self::Wait> {
        if let Some(Refused(rejection)) = head.extensions().get() {
            // First: a malformed request is compared with no policy, and takes no token.
            self.emitter.emit(&EventKind::Rejected(*rejection));
            return Admission::Rejected(*rejection);
        }
        self.gates.admit(head)
    }

    fn resume(
        &self,
        ticket: Self::Ticket,
        head: RequestHead<'_>,
    ) -> Admission<Self::Ticket, Self::Wait> {
        self.gates.resume(ticket, head)
    }

    /// Writes the source of a rejection at the edge; those of a policy and a limit are written by their tickets.
    fn write_extensions(&self, _rejection: Rejection, extensions: &mut Extensions) {
        self.emitter.write_source(extensions);
    }
}
